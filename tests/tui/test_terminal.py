"""A terminal that is gone must not keep the app from ending."""

import threading

from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from tui.terminal import Lasting, LastingDriver, lasting


class Gone:
    """A terminal after its window was closed."""

    name = "gone"

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")


def test_writing_to_a_terminal_that_is_gone_ends() -> None:
    file = Lasting(Gone())
    writer = WriterThread(file)  # type: ignore[arg-type]
    writer.start()

    def write() -> None:
        for _ in range(4 * MAX_QUEUED_WRITES):
            writer.write("frame")
        writer.stop()

    person = threading.Thread(target=write, daemon=True)
    person.start()
    person.join(10)

    assert not person.is_alive()
    assert file.name == "gone"


def test_only_the_driver_of_terminals_is_replaced() -> None:
    assert lasting(LinuxDriver) is LastingDriver
    assert lasting(HeadlessDriver) is HeadlessDriver
