calls = []


def resampler(rate, _cache={}):
    if rate not in _cache:
        calls.append(rate)
        _cache[rate] = rate * 2
    return _cache[rate]


resampler(8), resampler(8), resampler(8)
print("computed", len(calls), "time(s)")
