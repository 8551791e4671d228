xs = [1, 1, 2, 1]
for x in xs:
    if x == 1:
        xs.remove(x)
print(xs)
