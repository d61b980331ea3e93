#!/usr/bin/python3
"""Does PowerDNS answer with thor-dns behind it as it does with its own gsqlite3 backend? README.md says what is compared."""

import argparse
import collections
import pathlib
import random
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "support")]
import wire  # noqa: E402
from falsifier import plants  # noqa: E402
from overlay import Overlay  # noqa: E402
from questions import Questions  # noqa: E402
from servers import Ours, Reference  # noqa: E402
from zones import BIG_RECORDS, MODES, make_zones  # noqa: E402

CONNECTORS = ["http", "unix"]
PLACES = 8  # of a fault, one after the other, until a question is about one
BATCH = 5_000  # questions between two lines of progress


class Difference:
    def __init__(self, where, replay, ours, theirs):
        self.where = where
        self.replay = replay
        self.text = f"---- thor-dns\n{ours}\n---- gsqlite3\n{theirs}"

    @classmethod
    def of_answer(cls, mode, connector, question, ours, theirs):
        return cls(f"{mode}, {connector}: {question}", f"--mode {mode} --query {question.number}", wire.text_of(ours), wire.text_of(theirs))

    @classmethod
    def of_transfer(cls, mode, zone, ours, theirs):
        if ours is None or theirs is None:
            ours, theirs = ("not handed out" if records is None else f"{len(records)} records" for records in (ours, theirs))
        else:
            ours, theirs = ("\n".join(records[key] for key in sorted(records.keys() - others.keys()))
                            for records, others in ((ours, theirs), (theirs, ours)))
        return cls(f"{mode}: transfer of {zone.apex}", f"--mode {mode}", ours, theirs)


class Oracle:
    """Both kinds of name server, with the zones of some modes."""

    def __init__(self, net, seed, modes=tuple(MODES), big_records=BIG_RECORDS, connectors=tuple(CONNECTORS)):
        self.seed = seed
        self.zones = {mode: make_zones(seed, mode, big_records) for mode in modes}
        everything = [zone for mode in modes for zone in self.zones[mode]]
        self.reference = Reference(net, everything)
        self.ours = Ours(net, everything, connectors)
        self.counts = collections.Counter()  # (mode, rcode, type) -> questions
        self.differences = []

    def compare(self, mode, numbers):
        """Asks the questions of these numbers everywhere."""
        questions = Questions(self.seed, self.zones[mode])
        asked = [questions.make(number) for number in numbers]
        servers = [self.reference.pdns.server, *(pdns.server for pdns in self.ours.pdns.values())]
        theirs, *all_ours = wire.ask_all_of(servers, [question.wire for question in asked])
        for question, answer in zip(asked, theirs):
            self.counts[mode, wire.rcode_of(answer), question.rdtype] += 1
        for connector, ours in zip(self.ours.pdns, all_ours):
            self.differences += [Difference.of_answer(mode, connector, question, *pair) for question, *pair in zip(asked, ours, theirs)
                                 if not wire.agree(*pair, lambda question=question: self.ask_reference(question))]

    def compare_zones(self, mode):
        """Whole zones, as they are transferred."""
        ours = self.ours.pdns["http"].server
        for zone in self.zones[mode]:
            mine, theirs = wire.transfer(ours, zone.apex), wire.transfer(self.reference.pdns.server, zone.apex)
            if (mine or {}).keys() != (theirs or {}).keys():
                self.differences.append(Difference.of_transfer(mode, zone, mine, theirs))

    def ask_reference(self, question):
        return wire.ask_all(self.reference.pdns.server, [question.wire])[0]

    def tell_counts(self):
        totals = collections.Counter()
        for (mode, rcode, _), count in self.counts.items():
            totals[mode, rcode] += count
        for (mode, rcode), total in sorted(totals.items()):
            types = sorted((rdtype, count) for (m, r, rdtype), count in self.counts.items() if (m, r) == (mode, rcode))
            print(f"{mode} {rcode}: {total} ({', '.join(f'{rdtype} {count}' for rdtype, count in types)})")


def compare_all(seed, modes, numbers, big_records=BIG_RECORDS):
    """Asks everything; returns the differences."""
    with Overlay() as net:
        oracle = Oracle(net, seed, modes, big_records)
        for line in oracle.ours.not_served():
            print(f"not served by thor-dns: {line}")
        for mode in modes:
            began = time.monotonic()
            oracle.compare_zones(mode)
            for first in range(0, len(numbers), BATCH):
                oracle.compare(mode, numbers[first:first + BATCH])
                print(f"{mode}: {min(first + BATCH, len(numbers))} questions, {len(oracle.differences)} differences, "
                      f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        oracle.tell_counts()
        return oracle.differences


def find_planted(seed, mode, numbers, big_records=BIG_RECORDS):
    """Plants one fault after the other; returns those that no question found."""
    missed = []
    with Overlay() as net:
        oracle = Oracle(net, seed, [mode], big_records, connectors=())
        for what, plant in plants(mode).items():
            oracle.ours.falsifier.plant = plant
            oracle.differences = []
            for _ in range(PLACES):
                oracle.compare(mode, numbers)
                print(f"{mode}: planted {what} at {plant.name}, found by {len(oracle.differences)} of {len(numbers)} questions", flush=True)
                if oracle.differences:
                    break
                plant.move_on()
            else:
                missed.append(f"{what} ({mode})")
    return missed


def main():
    options = argparse.ArgumentParser(prog="contrib/dev oracle", description=__doc__)
    options.add_argument("count", type=int, metavar="N", help="questions a mode")
    options.add_argument("--seed", type=int, help="of zones and questions; without it a new one, which is printed")
    options.add_argument("--mode", choices=MODES, action="append", help="only this one")
    options.add_argument("--query", type=int, action="append", metavar="NUMBER", help="only the question of this number, with all answers")
    options.add_argument("--planted", action="store_true", help="plants faults, one after the other, and says which are found")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    modes = chosen.mode or list(MODES)
    numbers = chosen.query or range(chosen.count)
    if chosen.planted:
        missed = [what for mode in modes for what in find_planted(seed, mode, numbers)]
        print(f"not found: {', '.join(missed)}" if missed else "all found")
        return 1 if missed else 0
    differences = compare_all(seed, modes, numbers)
    for difference in differences:
        print(f"\n==== {difference.where}\nreplay: contrib/dev oracle {chosen.count} --seed {seed} {difference.replay}\n{difference.text}")
    print(f"{len(numbers)} questions in each of {len(modes)} modes, {len(differences)} answered differently")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
