"""Table 3: the same as Table 2 for datasets with three or more tasks."""

from mtnas.report.exhibits.table2 import MainComparison

EXHIBIT = MainComparison("table3", many=True)
