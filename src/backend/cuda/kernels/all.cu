// Everything in one unit, which compiles in a few seconds.
#include "llama.cu"
#include "product.cu"
#include "sampling.cu"
#include "render.cu"
#include "measure.cu"
