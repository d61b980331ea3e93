"""Stands on the bus as systemd's manager would, for test_node_health.py: every unit has the ActiveState that a file holds. Prints each unit asked for."""

import pathlib
import sys

import dbus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

MANAGER = "org.freedesktop.systemd1"


def answer(connection, message):
    if message.get_member() != "Get" or message.get_interface() != "org.freedesktop.DBus.Properties":
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
    print(message.get_path(), flush=True)
    if message.get_args_list() == [f"{MANAGER}.Unit", "ActiveState"]:
        said = dbus.lowlevel.MethodReturnMessage(message)
        said.append(pathlib.Path(sys.argv[1]).read_text().strip(), signature="v")
    else:
        said = dbus.lowlevel.ErrorMessage(message, "org.freedesktop.DBus.Error.UnknownProperty", "no such property")
    connection.send_message(said)
    return dbus.lowlevel.HANDLER_RESULT_HANDLED


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
bus.add_message_filter(answer)
bus.request_name(MANAGER)
GLib.MainLoop().run()
