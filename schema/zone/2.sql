-- A thor-dns that judges members itself, because no manager lives, publishes others than those of the last status.

ALTER TABLE published ADD COLUMN own_members INTEGER NOT NULL DEFAULT 0; -- 1: they are not those of the epoch and sequence beside it
ALTER TABLE published ADD COLUMN divergent INTEGER NOT NULL DEFAULT 0;   -- 1: the serial is one that no manager has caught up with
