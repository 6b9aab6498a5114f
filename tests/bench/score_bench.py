"""Measures `credence score file` beside NumPy doing the same to the same files, in one run.

score_bench.py CREDENCE OUTPUT.json: a million yes/no forecasts by a hundred forecasters on ten
thousand questions under thirteen yes/no rules, and under all, with Murphy and CORP decompositions,
and 1,999 resamples of the questions. Times are of the processor, on one core; both sides read the
files from the disk's cache, and their numbers must agree.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

QUESTIONS = 10_000
FORECASTERS = 100
RESAMPLES = 1999
RULES = ("brier.half.last,brier.full.last,brier.half.daily,brier.full.daily,"
         "brier.half.timeweighted,log.last,log.timeweighted,spherical.last,metaculus.baseline,"
         "metaculus.peer,metaculus.spot_baseline,metaculus.spot_peer,rps.last")


def write_tables(folder):
    """Forecasts around a probability that each question's outcome was drawn by."""
    rng = np.random.default_rng(20240101)
    chance = rng.uniform(size=QUESTIONS)
    outcome = rng.uniform(size=QUESTIONS) < chance
    noise = rng.normal(0, 0.15, size=(QUESTIONS, FORECASTERS))
    forecasts = np.clip(np.round(chance[:, None] + noise, 4), 0.001, 0.999)
    resolutions_path = os.path.join(folder, "resolutions.csv")
    forecasts_path = os.path.join(folder, "forecasts.csv")
    with open(resolutions_path, "w", encoding="ascii") as file:
        file.write("question,open_time,close_time,resolve_time,outcome\n")
        for question, happened in enumerate(outcome):
            file.write(f"question-{question:05d},2024-01-01T00:00:00Z,2024-03-01T00:00:00Z,,"
                       f"{'yes' if happened else 'no'}\n")
    with open(forecasts_path, "w", encoding="ascii") as file:
        file.write("forecaster,question,time,probability\n")
        for question in range(QUESTIONS):
            file.writelines(
                f"forecaster-{forecaster:03d},question-{question:05d},"
                f"2024-01-{1 + forecaster % 28:02d}T{question % 24:02d}:00:00Z,"
                f"{forecasts[question, forecaster]:.4f}\n" for forecaster in range(FORECASTERS))
    return resolutions_path, forecasts_path


def run_credence(program, resolutions, forecasts, more):
    """Processor seconds, largest resident bytes so far, and the answer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(
        [program, "score", "file", "--resolutions", resolutions, "--forecasts", forecasts] + more,
        check=True, stdout=subprocess.PIPE).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss * 1024, answer


def every_rule(program):
    """All of the registry but those of sources and measures that tables do not have."""
    names = subprocess.run([program, "score", "rules", "--output", "name"], check=True,
                           stdout=subprocess.PIPE, encoding="ascii").stdout.split()
    return ",".join(name for name in names
                    if not name.startswith("evidence.") and not name.startswith("crps."))


def read_with_numpy(resolutions, forecasts):
    """The probabilities by question and forecaster, and the outcomes."""
    outcome = np.loadtxt(resolutions, delimiter=",", skiprows=1, usecols=4, dtype="U3") == "yes"
    columns = np.loadtxt(forecasts, delimiter=",", skiprows=1, usecols=(0, 1, 3), dtype="U16")
    _, forecaster = np.unique(columns[:, 0], return_inverse=True)
    _, question = np.unique(columns[:, 1], return_inverse=True)
    table = np.full((QUESTIONS, FORECASTERS), np.nan)
    table[question, forecaster] = columns[:, 2].astype(float)
    return table, outcome


def isotonic(values, weights):
    """Pool adjacent violators."""
    blocks = []
    for value, weight in zip(values, weights):
        blocks.append([value, weight])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            value, weight = blocks.pop()
            total = blocks[-1][1] + weight
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + value * weight) / total, total]
    return np.array(blocks)


def decompose_with_numpy(p, happened):
    """Murphy's and CORP's parts of one forecaster's half Brier score."""
    groups, inverse = np.unique(p, return_inverse=True)
    count = np.bincount(inverse)
    rate = np.bincount(inverse, weights=happened) / count
    base = happened.mean()
    blocks = isotonic(rate, count)
    recalibrated = np.sum(blocks[:, 1] * blocks[:, 0] * (1 - blocks[:, 0])) / len(p)
    score = np.mean((p - happened) ** 2)
    return {"rel": np.sum(count * (groups - rate) ** 2) / len(p),
            "res": np.sum(count * (rate - base) ** 2) / len(p),
            "mcb": score - recalibrated, "dsc": base * (1 - base) - recalibrated}


def score_with_numpy(resolutions, forecasts):
    """Three of the rules and both decompositions; the other rules would come on top."""
    table, outcome = read_with_numpy(resolutions, forecasts)
    happened = outcome.astype(float)
    brier = (table - happened[:, None]) ** 2
    log = -np.log(np.where(outcome[:, None], table, 1 - table))
    given = np.where(outcome[:, None], table, 1 - table)
    spherical = given / np.sqrt(table ** 2 + (1 - table) ** 2)
    parts = [decompose_with_numpy(table[:, f], happened) for f in range(FORECASTERS)]
    return brier, {"brier.half.last": brier.mean(axis=0), "log.last": log.mean(axis=0),
                   "spherical.last": spherical.mean(axis=0)}, parts


def bootstrap_with_numpy(brier):
    rng = np.random.default_rng(1)
    means = np.empty((RESAMPLES, FORECASTERS))
    for first in range(0, RESAMPLES, 100):
        rows = min(100, RESAMPLES - first)
        drawn = rng.integers(QUESTIONS, size=(rows, QUESTIONS))
        counts = np.zeros((rows, QUESTIONS))
        for row in range(rows):
            counts[row] = np.bincount(drawn[row], minlength=QUESTIONS)
        means[first:first + rows] = counts @ brier / QUESTIONS
    return means.std(axis=0, ddof=1)


def timed(function, *arguments):
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def check_agreement(answer, means, parts, errors):
    """Stops where both sides do not say the same."""
    for index, entry in enumerate(answer["forecasters"]):
        name = entry["forecaster"]
        for rule, values in means.items():
            np.testing.assert_allclose(entry["scores"][rule], values[index], rtol=1e-12)
        found = {**answer["calibration"][name]["murphy"], **answer["calibration"][name]["corp"]}
        for part, value in parts[index].items():
            np.testing.assert_allclose(found[part], value, atol=1e-12)
        error = answer["bootstrap"]["brier.half.last"][name]["standardError"]
        np.testing.assert_allclose(error, errors[index], rtol=0.15)


def main():
    program, output = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        resolutions, forecasts = write_tables(folder)
        run = [program, resolutions, forecasts]
        table, table_bytes, _ = run_credence(*run, ["--rule", RULES, "--calibration"])
        every, every_bytes, _ = run_credence(
            *run, ["--rule", every_rule(program), "--calibration"])
        as_json, json_bytes, _ = run_credence(
            *run, ["--rule", RULES, "--calibration", "--output", "json"])
        plain, _, _ = run_credence(*run, ["--rule", "brier.half.last"])
        three, _, _ = run_credence(
            *run, ["--rule", "brier.half.last,log.last,spherical.last", "--calibration"])
        resampled, _, _ = run_credence(
            *run, ["--rule", "brier.half.last", "--bootstrap", str(RESAMPLES)])
        _, _, answer = run_credence(
            *run, ["--rule", "brier.half.last,log.last,spherical.last", "--calibration",
                   "--bootstrap", str(RESAMPLES), "--output", "json"])
        numpy_score, (brier, means, parts) = timed(score_with_numpy, resolutions, forecasts)
        numpy_bootstrap, errors = timed(bootstrap_with_numpy, brier)
        check_agreement(json.loads(answer), means, parts, errors)
    figures = {
        "forecasts": QUESTIONS * FORECASTERS,
        "credence_table_cpu_seconds": table,
        "credence_table_resident_bytes_max": table_bytes,
        "credence_every_rule_cpu_seconds": every,
        "credence_every_rule_resident_bytes_max": every_bytes,
        "credence_json_cpu_seconds": as_json,
        "credence_json_resident_bytes_max": json_bytes,
        "credence_three_rules_cpu_seconds": three,
        "numpy_three_rules_cpu_seconds": numpy_score,
        "credence_bootstrap_cpu_seconds": resampled - plain,
        "numpy_bootstrap_cpu_seconds": numpy_bootstrap,
        "load_average": os.getloadavg()[0],
    }
    with open(output, "w", encoding="ascii") as file:
        json.dump(figures, file, indent=2)
    print(f"scoring {figures['forecasts']} forecasts, processor seconds on one core "
          f"(load {figures['load_average']:.1f})")
    print(f"  credence, 13 rules and both decompositions   {table:8.2f}   "
          f"{table_bytes / 2 ** 20:.0f} MiB")
    print(f"  credence, every yes/no rule and both         {every:8.2f}   "
          f"{every_bytes / 2 ** 20:.0f} MiB")
    print(f"  the 13 with every score as JSON              {as_json:8.2f}   "
          f"{json_bytes / 2 ** 20:.0f} MiB")
    print(f"  credence, 3 rules and both decompositions    {three:8.2f}")
    print(f"  NumPy, the same 3 and both decompositions    {numpy_score:8.2f}")
    print(f"{RESAMPLES} resamples of {FORECASTERS} forecasters on {QUESTIONS} questions")
    print(f"  credence                                     {resampled - plain:8.2f}")
    print(f"  NumPy                                        {numpy_bootstrap:8.2f}")


if __name__ == "__main__":
    main()
