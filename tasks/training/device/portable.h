/* One text for two compilers: CUDA C++, of NVRTC with --fmad=false, and OpenCL C.

   Neither may contract, reorder or flush: what is written is what IEEE 754 rounds, one operation at a time.
   Multiply-adds are fused where FMA says so, and nowhere else. */

#ifdef __OPENCL_VERSION__

#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable

typedef uint word;
typedef ulong word64;
typedef long whole64;

#define FUNCTION static inline
#define KERNEL __kernel __attribute__((reqd_work_group_size(BLOCK, 1, 1))) void
#define GLOBAL __global
#define CONST_GLOBAL __global const
#define SHARED __local
#define RESTRICT restrict
#define FMA(a, b, c) fma((float)(a), (float)(b), (float)(c))
#define ROOT(a) sqrt((float)(a))
#define DIVIDE(a, b) ((float)(a) / (float)(b))
#define ROOT_OF_MEAN(a) ROOT(a)
#define DIVIDE_NORMAL(a, b) DIVIDE(a, b)
#define LARGER_NUMBER(a, b) LARGER(a, b)
#define DOWN(a) floor((double)(a))
#define AS_WORD(a) as_uint((float)(a))
#define AS_FLOAT(bits) as_float((uint)(bits))
#define AS_WHOLE64(a) as_long((double)(a))
#define AS_DOUBLE(bits) as_double((long)(bits))
#define HIGH_WORD(a, b) mul_hi((uint)(a), (uint)(b))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD ((int)get_local_id(0))
#define N_THREADS ((int)get_global_size(0))
#define PLACE ((int)get_global_id(0))
#define NEXT(counter) atomic_inc(counter)
#define CONSTANT __constant
#define SHARED_ARRAY(name, floats) __local float name[(floats) + 1];
#define LOAD4(place) vload4(0, place)
#define STORE4(place, four) vstore4((float4)((four)[0], (four)[1], (four)[2], (four)[3]), 0, place)
#define STORE_ONCE(place, number) (*(place) = (number))
#define TEAM_BARRIER() barrier(CLK_LOCAL_MEM_FENCE) /* a team is a work-group, */
#define ANY(condition) (condition)                     /* and alone */
#define ALL(condition) (condition)
#define AFRESH(whole)
#define UNROLL
#define UNROLL_ALL
#define LOOP
#define ROWS_AT_ONCE

#else

typedef unsigned int word;
typedef unsigned short ushort;
typedef unsigned char uchar;
typedef unsigned int uint;
typedef unsigned long long word64;
typedef long long whole64;

#define FUNCTION static __device__ __forceinline__
#define KERNEL extern "C" __global__ void __launch_bounds__(BLOCK)
#define GLOBAL
#define CONST_GLOBAL const
#define SHARED
#define RESTRICT __restrict__
#define FMA(a, b, c) __fmaf_rn(a, b, c)
#define ROOT(a) __fsqrt_rn(a)
#define DIVIDE(a, b) __fdiv_rn(a, b)
#define DOWN(a) floor(a)
#define AS_WORD(a) __float_as_uint(a)
#define AS_FLOAT(bits) __uint_as_float(bits)
#define AS_WHOLE64(a) __double_as_longlong(a)
#define AS_DOUBLE(bits) __longlong_as_double(bits)
#define HIGH_WORD(a, b) __umulhi(a, b)
#define BARRIER() __syncthreads()
#define THREAD ((int)threadIdx.x)
#define N_THREADS ((int)(gridDim.x * blockDim.x))
#define PLACE ((int)(blockIdx.x * blockDim.x + threadIdx.x))
#define NEXT(counter) atomicAdd(counter, 1)
#define CONSTANT static __device__ const
#define SHARED_ARRAY(name, floats) extern __shared__ __align__(16) float name[];
#define LOAD4(place) (*(const float4 *)(place))
#define STORE4(place, four) (*(float4 *)(place) = make_float4((four)[0], (four)[1], (four)[2], (four)[3]))
#define STORE_ONCE(place, number) __stcs(place, number)
#define TEAM_BARRIER() __syncwarp() /* teams of a warp go on together */
#define ANY(condition) __any_sync(0xFFFFFFFFu, condition)
#define ALL(condition) __all_sync(0xFFFFFFFFu, condition)
#define AFRESH(whole) asm volatile("" : "+r"(whole)) /* what follows from it is not kept in registers */
#define UNROLL_ALL _Pragma("unroll")
#if N_PARAMETERS <= 128 /* of networks that registers hold */
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("unroll 1")
#endif
#define LOOP _Pragma("unroll 1")
#define ROWS_AT_ONCE _Pragma("unroll 2")

/* The larger number, as LARGER gives it for z and a leak times z: NaN where either is NaN. */
FUNCTION float LARGER_NUMBER(float a, float b) {
#if __CUDA_ARCH__ >= 800
    float larger;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
    return larger;
#else
    return a > b ? a : b;
#endif
}

#endif

/* ROOT of numbers from 0 and DIVIDE, where both numbers and the quotient are normal and 2**24 away from the ends of the
   range, as CUDA has them but without branches: from approximations of 1 / sqrt(x) and 1 / b. Small numbers are scaled
   up before a root is taken; where its steps give NaN, of 0 and infinity, the root is the number itself. */

#define SCALED(a) ((a) < 0x1p-60f ? (a) * 0x1p64f : (a))

FUNCTION float root_from(float a, float x, float approximation) {
    float s = x * approximation, h = approximation * 0.5f, rest = FMA(-s, s, x);
    s = rest == rest ? FMA(rest, h, s) : a;
    return a < 0x1p-60f ? s * 0x1p-32f : s;
}

FUNCTION float quotient_from(float a, float b, float approximation) {
    float y = FMA(approximation, FMA(-b, approximation, 1.0f), approximation), q = a * y;
    return FMA(y, FMA(-b, q, a), q);
}

#ifndef __OPENCL_VERSION__
FUNCTION float ROOT_OF_MEAN(float a) {
    float x = SCALED(a), y;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return root_from(a, x, y);
}

FUNCTION float DIVIDE_NORMAL(float a, float b) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(b));
    return quotient_from(a, b, y);
}
#endif

/* A number as the engine lanes rounds it: of Python's doubles, once. */
#define F(number) ((float)(number))

/* The place of a parameter among the stored ones, which have units of zeros where widths are unequal. */
#if N_STORED > N_PARAMETERS
CONSTANT int stored_places[N_PARAMETERS] = STORED_PLACES;
#define STORED(i) stored_places[i]
#else
#define STORED(i) (i)
#endif

/* Where a unit's bias and its first scalar lie among the parameters. */
#define BIAS(layer, unit) (WEIGHTS(layer) + (unit) * (FAN_IN(layer) + 1) + FAN_IN(layer))
#define SCALARS(layer, unit) (N_WEIGHTS + (BEFORE(layer) + (unit)) * N_SCALARS)
