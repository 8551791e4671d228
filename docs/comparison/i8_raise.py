def check(jobs: dict):
    for name in jobs:
        if jobs[name] < 0:
            del jobs[name]
            raise ValueError(name)


try:
    check({"a": -1, "b": 2})
except ValueError as error:
    print("ValueError:", error)
