"""Real tables of numbers, categories, text, dates and gaps.

Left out are tables without signal, tables whose rows repeat one another (the same storm hour by
hour), and made-up ones.
"""

from tables.rdata import Source

WITH_THE_RATE = (
    "grade sub_grade installment loan_status balance "
    "paid_total paid_principal paid_interest paid_late_fees"
)

AMOUNTS = {
    "hotel rates": Source(
        "modeldata/hotel_rates",
        "avg_price_per_room",
        drop=("arrival_date_num",),
        dates=("arrival_date",),
        is_repetitive=True,
    ),
    "loan rates": Source(
        "openintro/loans_full_schema",
        "interest_rate",
        drop=tuple(WITH_THE_RATE.split()),
        dates=("issue_month",),
    ),
    "bird strikes": Source(
        "openintro/birds", "height", drop=("opid",), dates=("date",), is_log=True
    ),
    "weights of teenagers": Source("openintro/yrbss", "weight"),
    "house prices": Source(
        "openintro/ames", "price", drop=("Order", "PID"), labels=("MS.SubClass",), is_log=True
    ),
    "miles a gallon": Source(
        "openintro/epa2012",
        "comb_mpg",
        drop=("city_mpg", "hwy_mpg", "guzzler", "model_yr"),
        dates=("release_date",),
    ),
    "movie ratings": Source(
        "ggplot2movies/movies", "rating", drop=tuple(f"r{i}" for i in range(1, 11))
    ),
    "developer salaries": Source("modeldata/stackoverflow", "Salary"),
    "birth weights": Source("mosaicData/Gestation", "wt", drop=("id",), dates=("date",)),
    "wages": Source("stevedata/gss_wages", "realrinc", labels=("occ10",), is_log=True),
}
CLASSES = {
    "credit status": Source("modeldata/credit_data", "Status"),
    "votes in Chile": Source("carData/Chile", "vote"),
    "mortgages denied": Source("Ecdat/Hmda", "deny"),
    "happiness": Source("wooldridge/happiness", "happy", drop=("vhappy",)),
    "run times": Source("modeldata/hpc_data", "class"),
    "votes in 2016": Source("stevedata/TV16", "votetrump", drop=("uid",)),
    "spam": Source("openintro/email", "spam", dates=("time",)),
    "Titanic": Source("vcdExtra/Titanicp", "survived"),
    "police stops": Source(
        "carData/MplsStops",
        "problem",
        drop=("idNum", "MDC", "citationIssued"),
        dates=("date",),
        labels=("policePrecinct",),
    ),
    "deaths": Source("survival/flchain", "death", drop=("futime", "chapter")),
}
