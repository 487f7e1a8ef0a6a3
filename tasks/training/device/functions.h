/* simd.py and functions.py: a function gives its value, and its derivative through `slope`. */

#define FAR 60.0
#define INFINITE AS_FLOAT(0x7F800000u)

FUNCTION float SMALLER(float a, float b) { return a < b ? a : b; }
FUNCTION float LARGER(float a, float b) { return a > b ? a : b; }
FUNCTION float where_above(float a, float b, float x, float y) { return a > b || a != a ? x : y; }
FUNCTION float one_unless_positive(float a) { return a > 0.0f ? 0.0f : 1.0f; }
FUNCTION float reciprocal_seed(float a) { return AS_FLOAT(0x7EF311C7u - AS_WORD(a)); }

/* a * 2**k, exact, for a whole k in the low bits of 1.5 * 2**23 + k. The lanes add to the exponent, which would
   make numbers of the NaN that GPUs give. */
FUNCTION float scale_by_power(float a, float k) { return a * AS_FLOAT((AS_WORD(k) << 23) + 0x3F800000u); }

/* 1 where a number is k, else 0; of whole numbers. */
FUNCTION float is_number(float a, int k) {
    float apart = a - (float)k;
    return LARGER(1.0f - apart * apart, 0.0f);
}

#define LOG2_E 1.4426950408889634
#define LN2_HIGH 0.693145751953125
#define LN2_LOW 1.428606820309417e-06
#define ROUND 12582912.0

FUNCTION float exp_of(float x) {
    float k = FMA(x, F(LOG2_E), F(ROUND)), whole = k - F(ROUND);
    float r = FMA(whole, F(-LN2_LOW), FMA(whole, F(-LN2_HIGH), x));
    float p = FMA(FMA(FMA(r, F(1.0 / 720), F(1.0 / 120)), r, F(1.0 / 24)), r, F(1.0 / 6));
    p = FMA(FMA(FMA(p, r, 0.5f), r, 1.0f), r, 1.0f);
    return scale_by_power(p, k);
}

FUNCTION float clip_far(float x) { return LARGER(F(-FAR), SMALLER(F(FAR), x)); }

FUNCTION float decay_of(float x, float *larger) {
    float t = exp_of(SMALLER(x, x * -1.0f));
    *larger = 1.0f / (t + 1.0f);
    return t;
}

FUNCTION float softplus_of(float z, float *slope) {
    float larger, t = decay_of(clip_far(z), &larger);
    float p = FMA(FMA(t, F(0.005364810582250357), F(-0.030065741389989853)), t, F(0.07920445501804352));
    p = FMA(FMA(FMA(p, t, F(-0.13753797113895416)), t, F(0.1915365308523178)), t, F(-0.24857163429260254));
    p = FMA(FMA(FMA(p, t, F(0.3332132399082184)), t, F(-0.49999648332595825)), t, 1.0f);
    *slope = where_above(z, 0.0f, 1.0f, t) * larger;
    return FMA(t, p, LARGER(0.0f, z));
}

FUNCTION float silu_of(float z, float *slope) {
    float x = clip_far(z), larger, t = decay_of(x, &larger);
    float rising = where_above(z, 0.0f, 1.0f, t) * larger, falling = where_above(z, 0.0f, t, 1.0f) * larger;
    *slope = rising * FMA(x, falling, 1.0f);
    return LARGER(F(-FAR), z) * rising;
}

FUNCTION float sigmoid_of(float z, float *slope) {
    float larger, t = decay_of(clip_far(z), &larger);
    *slope = t * larger * larger;
    return where_above(z, 0.0f, 1.0f, t) * larger;
}

FUNCTION float tanh_of(float z, float *slope) {
    float far = F(9.5), x = LARGER(far * -1.0f, SMALLER(far, z)), y = x * x;
    float p = FMA(FMA(y, F(1.3318874891865562e-08), F(2.058333484455943e-05)), y, F(0.0034940254408866167));
    p = FMA(FMA(p, y, F(0.13379710912704468)), y, 1.0f);
    float q = FMA(FMA(y, F(7.761937013128772e-07), F(0.0003283077967353165)), y, F(0.02587103843688965));
    q = FMA(FMA(q, y, F(0.46713024377822876)), y, 1.0f);
    float h = LARGER(-1.0f, SMALLER(1.0f, x * p / q));
    *slope = FMA(h * -1.0f, h, 1.0f);
    return h;
}

FUNCTION float density_of(float x) {
    float k = FMA(x * x, F(-0.5 * LOG2_E), F(ROUND)), whole = k - F(ROUND);
    float r = FMA(whole, F(2 * LN2_LOW), FMA(x, x, whole * F(2 * LN2_HIGH)));
    float p = FMA(FMA(r, F(-0.00010335384286008775), F(0.0010446899104863405)), r, F(-0.008311782963573933));
    p = FMA(FMA(FMA(p, r, F(0.049866933375597)), r, F(-0.19947108626365662)), r, F(0.3989422804014327));
    return scale_by_power(p, k);
}

FUNCTION float gelu_of(float z, float *slope) {
    float x = SMALLER(F(10.954451), LARGER(z * -1.0f, z)), density = density_of(x);
    float p = FMA(FMA(x, F(0.999813973903656), F(7.166224956512451)), x, F(22.008317947387695));
    p = FMA(p, x, F(30.988752365112305));
    float q = FMA(FMA(x + F(7.159561634063721), x, F(23.109146118164062)), x, F(37.2878303527832));
    q = FMA(q, x, F(24.725454330444336));
    float beyond = density * p / q, falling = FMA(x * -1.0f, density, beyond);
    *slope = where_above(z, 0.0f, 1.0f - falling, falling);
    return FMA(x * -1.0f, beyond, LARGER(0.0f, z));
}

FUNCTION float sign_of(float z) {
    return where_above(z, 0.0f, 1.0f, 0.0f) - where_above(z * -1.0f, 0.0f, 1.0f, 0.0f);
}

FUNCTION float abs_of(float z, float *slope) {
    *slope = sign_of(z);
    return LARGER(z * -1.0f, z);
}

FUNCTION float hard_tanh_of(float z, float *slope) {
    *slope = where_above(1.0f, LARGER(z * -1.0f, z), 1.0f, 0.0f);
    return LARGER(-1.0f, SMALLER(1.0f, z));
}

FUNCTION float identity_of(float z, float *slope) {
    *slope = 1.0f;
    return z;
}

/* elementary.py, in double */

#define LOG2_E_OF_DOUBLE 0x1.71547652b82fep+0
#define LN2_HIGH_OF_DOUBLE 0x1.62e42feep-1
#define LN2_LOW_OF_DOUBLE 0x1.a39ef35793c76p-33

FUNCTION double exp_of_double(double x) {
    double k = DOWN(x * LOG2_E_OF_DOUBLE + 0.5);
    double r = (x - k * LN2_HIGH_OF_DOUBLE) - k * LN2_LOW_OF_DOUBLE;
    double p = 1.0 / 362880 + r * (1.0 / 3628800);
    p = 1.0 / 120 + r * (1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320 + r * p)));
    p = 1.0 + r * (1.0 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * p))));
    return p * AS_DOUBLE(((whole64)k + 1023) << 52);
}

FUNCTION double log_of_double(double x) {
    whole64 bits = AS_WHOLE64(x), k = ((bits + 0x95F6400000000) >> 52) - 1023;
    double m = AS_DOUBLE(bits - (k << 52)), s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13)));
    p = 1.0 + z * (1.0 / 3 + z * (1.0 / 5 + z * p));
    return (double)k * LN2_HIGH_OF_DOUBLE + (2.0 * s * p + (double)k * LN2_LOW_OF_DOUBLE);
}

FUNCTION double larger_of(double a, double b) { return b > a ? b : a; }
FUNCTION double smaller_of(double a, double b) { return b < a ? b : a; }
FUNCTION double size_of(double a) { return a < 0.0 ? -a : a; }

FUNCTION double softplus_of_double(double x) {
    return larger_of(x, 0.0) + log_of_double(1.0 + exp_of_double(-smaller_of(size_of(x), 700.0)));
}

