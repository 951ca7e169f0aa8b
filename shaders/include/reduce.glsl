// Sums and maxima over the 64 invocations of a workgroup, by one fixed tree: the order, and so the bits, are the same on
// every run and for every subgroup size. All 64 invocations must call; all get the result.
#ifndef TROUPE_REDUCE_GLSL
#define TROUPE_REDUCE_GLSL

shared float reduce_lanes[64];

#define negative_infinity uintBitsToFloat(0xff800000u)

#define TROUPE_REDUCE(name, join)                                      \
  float name(float value) {                                            \
    const uint lane = gl_LocalInvocationID.x;                          \
    barrier(); /* the values of an earlier reduction have been read */ \
    reduce_lanes[lane] = value;                                        \
    barrier();                                                         \
    for (uint width = 32; width > 0; width >>= 1) {                    \
      if (lane < width) {                                              \
        const float other = reduce_lanes[lane + width];                \
        reduce_lanes[lane] = join(reduce_lanes[lane], other);          \
      }                                                                \
      barrier();                                                       \
    }                                                                  \
    return reduce_lanes[0];                                            \
  }

float reduce_add(float a, float b) { return a + b; }
TROUPE_REDUCE(group_sum, reduce_add)
TROUPE_REDUCE(group_maximum, max)

#endif
