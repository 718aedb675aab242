"""One way in which a network fails: a limit, a sentence and remedies."""

from dataclasses import dataclass

from sknn_opt.training import remedies


@dataclass(frozen=True)
class Symptom:
    """One way in which a network fails.

    Attributes
    ----------
    name : str
        What it is called in the documentation; `check_signals` uses some as verdicts.
    limit : float or None
        From where on it counts, in the unit of what is measured.
    sentence : str
        What was found, with places for the numbers; it begins in lower case and has no full stop.
    remedies : tuple of str
        What to try, the likeliest first.
    advice : str
        What a fit says after the sentence, with a place for the remedies.
    """

    name: str
    limit: float | None
    sentence: str
    remedies: tuple = ()
    advice: str = "Try {}."

    def say(self, traits=None, **found):
        """The whole advice of a fit; with traits, the remedies that are left to the network."""
        advice = self.advice
        if self.remedies:
            left = traits.choose(self.remedies) if traits else remedies.either(self.remedies)
            advice = advice.format(left)
        sentence = self.sentence.format(**found)
        return f"{sentence[0].upper()}{sentence[1:]}. {advice}".rstrip()

    def tell(self, traits=None, **found):
        """The same within a sentence."""
        said = self.say(traits, **found).replace("..", ".")
        return said[0].lower() + said[1:]
