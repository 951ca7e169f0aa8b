// Division of indices without dividing: drivers for the CPU divide integers lane by lane.
#ifndef TROUPE_DIVISION_GLSL
#define TROUPE_DIVISION_GLSL

// quotient = value / divisor, rest = value % divisor, for value and divisor in [0, 2^31), divisor > 0. The product with
// the reciprocal is right to 2^-22 of itself; a second one removes what is left of that, a third step is off by one at
// most.
void divide(uint value, uint divisor, out uint quotient, out uint rest) {
  const float reciprocal = 1.0 / float(divisor);
  const int size = int(divisor);
  int whole = int(float(value) * reciprocal);
  int left = int(value) - whole * size;
  const int more = int(floor(float(left) * reciprocal));
  whole += more;
  left -= more * size;
  const int step = left < 0 ? -1 : (left >= size ? 1 : 0);
  quotient = uint(whole + step);
  rest = uint(left - step * size);
}

#endif
