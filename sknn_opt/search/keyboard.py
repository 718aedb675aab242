"""Ctrl-C as a question: what shall become of this training?

The first Ctrl-C lets the epoch end and then asks; a second one before that, or one at the question,
interrupts as ever.
"""

import signal
import sys
import threading

QUESTION = (
    "epoch {epoch}, loss {loss:.4g}, learning rate {rate}. "
    "rate 0.01 | rate *0.5 | back 12 | stop | Enter goes on: "
)
NOT_UNDERSTOOD = "{!r} is none of: rate NUMBER, rate *FACTOR, back, back EPOCH, stop, Enter."


class Keyboard:
    """Waits for Ctrl-C while a training runs, if `ask` says so and this is the main thread."""

    was_pressed = False

    def __init__(self, ask):
        main = threading.current_thread() is threading.main_thread()
        self._waits = main and (_is_terminal() if ask == "auto" else ask)
        self._before = None

    def open(self):
        """Wait."""
        if self._waits:
            self._before = signal.signal(signal.SIGINT, self._press)

    def close(self):
        """Give Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before, self.was_pressed = None, False

    def _press(self, number, frame):
        if self.was_pressed:
            raise KeyboardInterrupt
        self.was_pressed = True
        print("\nCtrl-C: after this epoch you are asked; again: interrupt", file=sys.stderr)

    def ask(self, row, watch):
        """Ask until an answer is understood, and do it."""
        self.close()
        rate = row["learning_rate"]
        rate = "unknown" if rate is None else f"{rate:.4g}"
        question = QUESTION.format(epoch=row["epoch"], loss=row["loss"], rate=rate)
        while True:
            try:
                answer = input(question)
            except EOFError:  # nobody is there
                answer = ""
            try:
                obey(answer, watch)
                break
            except ValueError as error:
                print(error)
        self.open()


def obey(answer, watch):
    """Do what an answer says.

    Raises
    ------
    ValueError
        If it says nothing, or something that cannot be.
    """
    match answer.split():
        case []:
            return
        case ["stop"]:
            watch.stop()
        case ["back"]:
            watch.go_back()
        case ["back", epoch] if epoch.isdecimal():
            watch.go_back(int(epoch))
        case ["rate", number] if _is_number(number.removeprefix("*")):
            change = watch.scale_rate if number.startswith("*") else watch.set_rate
            change(float(number.removeprefix("*")))
        case _:
            raise ValueError(NOT_UNDERSTOOD.format(answer))


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_terminal():
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
