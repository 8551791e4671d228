def keep(names):
    pending = {"a", "bb", "c"}
    try:
        for name in pending:
            if len(name) == 1:
                pending.remove(name)
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return sorted(pending)


print(keep([]))
