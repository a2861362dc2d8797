"""How every figure looks: the parts that figures are drawn with."""
