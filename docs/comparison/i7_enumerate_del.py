xs = [0, 0, 1, 0]
for i, x in enumerate(xs):
    if x == 0:
        del xs[i]
print(xs)
