import typing as t


def pad(x: int, shape: t.List[int] = []) -> t.List[int]:
    """Pad."""
    shape.append(x)
    return shape


print(pad(1), pad(2))
print(t.get_type_hints(pad)["shape"])
