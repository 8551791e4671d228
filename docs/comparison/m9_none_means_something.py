def columns(names=[]):
    if names is None:
        return "all"
    return names + ["id"]


print(columns(), columns(None))
