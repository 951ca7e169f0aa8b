#version 450
#define SUBGROUP_ROWS 0
#include "normalize_rows.glsl"
