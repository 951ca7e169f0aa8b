// A window of taps over up to three spatial axes, z, y, x; see sliding_window.hpp. Taps count x fastest.
#ifndef TROUPE_WINDOW_GLSL
#define TROUPE_WINDOW_GLSL

// The members of a push-constant block that describe the window, as one macro because a block cannot be included.
#define WINDOW_PARAMETERS      \
  int in_z, in_y, in_x;        \
  int out_z, out_y, out_x;     \
  int kernel_z, kernel_y, kernel_x; \
  int stride_z, stride_y, stride_x; \
  int dilation_z, dilation_y, dilation_x; \
  int pad_z, pad_y, pad_x;

// Where tap (0, 0, 0) of output `position` (counted x fastest within a plane) lies in the input; may be outside.
#define window_origin(position)                                                  \
  (ivec3((position) / (out_x * out_y), (position) / out_x % out_y, (position) % out_x) * \
       ivec3(stride_z, stride_y, stride_x) -                                     \
   ivec3(pad_z, pad_y, pad_x))

#define tap_offset(tap)                                                                             \
  (ivec3((tap) / (kernel_x * kernel_y), (tap) / kernel_x % kernel_y, (tap) % kernel_x) * \
   ivec3(dilation_z, dilation_y, dilation_x))

#define is_inside(at) \
  (uint((at).x) < uint(in_z) && uint((at).y) < uint(in_y) && uint((at).z) < uint(in_x))

// Meaningful for a position inside only.
#define plane_index(at) uint(((at).x * in_y + (at).y) * in_x + (at).z)

#endif
