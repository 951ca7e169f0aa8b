#version 450
#define SUBGROUP_ROWS 1
#define READS_TEXELS 1
#include "normalize_rows.glsl"
