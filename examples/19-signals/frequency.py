def create_frequency_table(numbers):
    table = {}
    for number in numbers:
        table[number] = table.get(number, 0) + 1
    return table

assert create_frequency_table([1, 2, 2, 3, 3, 3]) == {1: 1, 2: 2, 3: 3}
