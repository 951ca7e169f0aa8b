// What GLSL has no literals for.
#ifndef TROUPE_SPECIAL_VALUES_GLSL
#define TROUPE_SPECIAL_VALUES_GLSL

#define INFINITY uintBitsToFloat(0x7f800000u)
#define NOT_A_NUMBER uintBitsToFloat(0x7fc00000u)

#endif
