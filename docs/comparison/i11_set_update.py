def expand():
    names = {"a"}
    try:
        for name in names:
            names |= {name + "x"}
            if len(names) > 3:
                break
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return sorted(names)


print(expand())
