/* What the engine lanes does to one network's numbers: the same operations in the same order.

   Each function here is one of `tasks/training/`: functions, _units, _losses, _updates, _watch, _decomposed,
   _penalties and orders; a change there is a change here, and tests compare them bit by bit. */

#define FAR 60.0
#define INFINITE FLOAT_OF(0x7f800000)

/* simd.py */

FUNCTION float minimum(float a, float b) { return a < b ? a : b; }
FUNCTION float maximum(float a, float b) { return a > b ? a : b; }
FUNCTION float where_above(float a, float b, float x, float y) { return a > b || a != a ? x : y; }
FUNCTION float one_unless_positive(float a) { return a > 0.0f ? 0.0f : 1.0f; }
/* a * 2**k, exact, for a whole k in the low bits of 1.5 * 2**23 + k: lanes adds to the exponent, which would make
   numbers of the NaN that GPUs give. */
FUNCTION float scale_by_power(float a, float k) { return a * FLOAT_OF(((uint)BITS_OF(k) << 23) + 0x3F800000u); }
FUNCTION float reciprocal_seed(float a) { return FLOAT_OF(0x7EF311C7u - (uint)BITS_OF(a)); }

/* functions.py: a function gives its value, and its derivative through `slope` */

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

FUNCTION float clip_far(float x) { return maximum(F(-FAR), minimum(F(FAR), x)); }

FUNCTION float decay_of(float x, float *larger) {
    float t = exp_of(minimum(x, x * -1.0f));
    *larger = 1.0f / (t + 1.0f);
    return t;
}

FUNCTION float softplus_of(float z, float *slope) {
    float larger, t = decay_of(clip_far(z), &larger);
    float p = FMA(FMA(t, F(0.005364810582250357), F(-0.030065741389989853)), t, F(0.07920445501804352));
    p = FMA(FMA(FMA(p, t, F(-0.13753797113895416)), t, F(0.1915365308523178)), t, F(-0.24857163429260254));
    p = FMA(FMA(FMA(p, t, F(0.3332132399082184)), t, F(-0.49999648332595825)), t, 1.0f);
    *slope = where_above(z, 0.0f, 1.0f, t) * larger;
    return FMA(t, p, maximum(0.0f, z));
}

FUNCTION float silu_of(float z, float *slope) {
    float x = clip_far(z), larger, t = decay_of(x, &larger);
    float rising = where_above(z, 0.0f, 1.0f, t) * larger, falling = where_above(z, 0.0f, t, 1.0f) * larger;
    *slope = rising * FMA(x, falling, 1.0f);
    return maximum(F(-FAR), z) * rising;
}

FUNCTION float sigmoid_of(float z, float *slope) {
    float larger, t = decay_of(clip_far(z), &larger);
    *slope = t * larger * larger;
    return where_above(z, 0.0f, 1.0f, t) * larger;
}

FUNCTION float tanh_of(float z, float *slope) {
    float far = F(9.5), x = maximum(far * -1.0f, minimum(far, z)), y = x * x;
    float p = FMA(FMA(y, F(1.3318874891865562e-08), F(2.058333484455943e-05)), y, F(0.0034940254408866167));
    p = FMA(FMA(p, y, F(0.13379710912704468)), y, 1.0f);
    float q = FMA(FMA(y, F(7.761937013128772e-07), F(0.0003283077967353165)), y, F(0.02587103843688965));
    q = FMA(FMA(q, y, F(0.46713024377822876)), y, 1.0f);
    float h = maximum(-1.0f, minimum(1.0f, x * p / q));
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
    float x = minimum(F(10.954451), maximum(z * -1.0f, z)), density = density_of(x);
    float p = FMA(FMA(x, F(0.999813973903656), F(7.166224956512451)), x, F(22.008317947387695));
    p = FMA(p, x, F(30.988752365112305));
    float q = FMA(FMA(x + F(7.159561634063721), x, F(23.109146118164062)), x, F(37.2878303527832));
    q = FMA(q, x, F(24.725454330444336));
    float beyond = density * p / q, falling = FMA(x * -1.0f, density, beyond);
    *slope = where_above(z, 0.0f, 1.0f - falling, falling);
    return FMA(x * -1.0f, beyond, maximum(0.0f, z));
}

FUNCTION float sign_of(float z) {
    return where_above(z, 0.0f, 1.0f, 0.0f) - where_above(z * -1.0f, 0.0f, 1.0f, 0.0f);
}

FUNCTION float abs_of(float z, float *slope) {
    *slope = sign_of(z);
    return maximum(z * -1.0f, z);
}

FUNCTION float hard_tanh_of(float z, float *slope) {
    *slope = where_above(1.0f, maximum(z * -1.0f, z), 1.0f, 0.0f);
    return maximum(-1.0f, minimum(1.0f, z));
}

FUNCTION float identity_of(float z, float *slope) {
    *slope = 1.0f;
    return z;
}

/* tiles.py: ReLU of networks without penalties or skips, `leaky` and `gated` */

FUNCTION float leaky_of(float z, float leak) { return maximum(z, leak * z); }
FUNCTION float gated_of(float error, float h, float leak) { return h > 0.0f ? error : error * leak; }

/* _units.py: what a layer makes of a sum, and keeps in its place for the way back */

#define RELU 0
#define ABS 1
#define HARD_TANH 2
#define IDENTITY 3
#define SOFTPLUS 4
#define SILU 5
#define GELU 6
#define TANH 7
#define SIGMOID 8
#define VRELU 9
#define MAXIMUM 10
#define DECOMPOSED_RELU 11
#define DECOMPOSED_SOFTPLUS 12

/* Of the activations before VRELU: the value, and the derivative through `slope`. */
FUNCTION float activation_of(int activation, float z, float leak, float *slope) {
    switch (activation) {
    case ABS: return abs_of(z, slope);
    case HARD_TANH: return hard_tanh_of(z, slope);
    case IDENTITY: return identity_of(z, slope);
    case SOFTPLUS: return softplus_of(z, slope);
    case SILU: return silu_of(z, slope);
    case GELU: return gelu_of(z, slope);
    case TANH: return tanh_of(z, slope);
    case SIGMOID: return sigmoid_of(z, slope);
    default: *slope = where_above(z, 0.0f, 1.0f, leak); return leaky_of(z, leak);
    }
}

FUNCTION float vrelu_of(float z, float left, float right) { return where_above(z, 0.0f, right, left) * z; }

/* The way back through vReLU: the error of the sum; gradients of both slopes go on. */
FUNCTION float vrelu_back(float error, float z, float left, float right, float *of_left, float *of_right) {
    *of_left = FMA(error, minimum(0.0f, z), *of_left);
    *of_right = FMA(error, maximum(0.0f, z), *of_right);
    return error * where_above(z, 0.0f, right, left);
}

FUNCTION float is_number(float a, int k) { float apart = a - (float)k; return maximum(1.0f - apart * apart, 0.0f); }

/* The largest of a unit's sums; in their place 1 for the first largest, 0 for others. */
FUNCTION float compete(float *sums, int group) {
    float best = sums[0], winner = 0.0f;
    for (int k = 1; k < group; ++k) {
        winner = where_above(sums[k], best, (float)k, winner);
        best = where_above(sums[k], best, sums[k], best);
    }
    for (int k = 0; k < group; ++k) sums[k] = is_number(winner, k);
    return best;
}

/* _losses.py: `wrong` counts rows, `finite` is 0 or NaN */

#define BCE 0
#define MSE 1
#define HUBER 2
#define HINGE 3
#define CROSS_ENTROPY 4

/* 1 unless output and target lie on the same side. */
FUNCTION float wrong_side(float output, float target, float threshold) {
    return one_unless_positive((output - threshold) * (target - threshold));
}

FUNCTION float still_finite(float output, float finite) { return FMA(output, 0.0f, finite); }

/* 1 unless the output of the class is above all others. */
FUNCTION float wrong_class(const float *outputs, int n_outputs, float target) {
    float of_class = -INFINITE, of_others = -INFINITE;
    for (int k = 0; k < n_outputs; ++k) {
        float is_class = is_number(target, k);
        of_class = where_above(is_class, 0.0f, outputs[k], of_class);
        of_others = where_above(is_class, 0.0f, of_others, maximum(outputs[k], of_others));
    }
    return one_unless_positive(of_class - of_others);
}

/* Rows of weight 0 count as right. */
FUNCTION float wrong_of_weight(float wrong, float weight) { return wrong * where_above(weight, 0.0f, 1.0f, 0.0f); }

/* What the slope of a loss is multiplied by, where it is a mean of so many. */
FUNCTION float share_of(int loss, int count) {
    return loss == BCE || loss == HINGE ? F(-1.0 / count) : loss == MSE ? F(2.0 / count) : F(1.0 / count);
}

/* The derivative of a loss with one target for each output; `share` as share_of gives it. */
FUNCTION float slope_of(int loss, float output, float target, float share, float delta) {
    if (loss == BCE) {
        float x = target * output;
        x = maximum(minimum(x, F(FAR)), F(-FAR));
        return target * share / (exp_of(x) + 1.0f);
    }
    if (loss == HINGE) {
        float slope = where_above(1.0f - target * output, 0.0f, target * share, 0.0f);
        return FMA(output, 0.0f, slope);
    }
    if (loss == HUBER) return maximum(delta * -1.0f, minimum(delta, output - target)) * share;
    return (output - target) * share;
}

/* Of cross-entropy: softmax minus 1 at the class. */
FUNCTION void slopes_of_classes(const float *outputs, int n_outputs, float target, float share, float *slopes) {
    float largest = outputs[0], total = 0.0f;
    for (int k = 1; k < n_outputs; ++k) largest = maximum(outputs[k], largest);
    for (int k = 0; k < n_outputs; ++k) {
        slopes[k] = exp_of(maximum(F(-FAR), outputs[k] - largest));
        total = total + slopes[k];
    }
    for (int k = 0; k < n_outputs; ++k) slopes[k] = (slopes[k] / total - is_number(target, k)) * share;
}

/* elementary.py and the losses of rows, in double */

#define LOG2_E_OF_DOUBLE 0x1.71547652b82fep+0
#define LN2_HIGH_OF_DOUBLE 0x1.62e42feep-1
#define LN2_LOW_OF_DOUBLE 0x1.a39ef35793c76p-33

FUNCTION double exp_of_double(double x) {
    double k = FLOOR(x * LOG2_E_OF_DOUBLE + 0.5);
    double r = (x - k * LN2_HIGH_OF_DOUBLE) - k * LN2_LOW_OF_DOUBLE;
    double p = 1.0 / 362880 + r * (1.0 / 3628800);
    p = 1.0 / 120 + r * (1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320 + r * p)));
    p = 1.0 + r * (1.0 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * p))));
    return p * DOUBLE_OF(((LONG)k + 1023) << 52);
}

FUNCTION double log_of_double(double x) {
    LONG bits = BITS_OF_DOUBLE(x), k = ((bits + 0x95F6400000000) >> 52) - 1023;
    double m = DOUBLE_OF(bits - (k << 52)), s = (m - 1.0) / (m + 1.0), z = s * s;
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

/* The loss of one output with a target of its own. */
FUNCTION double loss_of(int loss, float output, float target, double delta) {
    if (loss == BCE) return softplus_of_double(-(double)(target * output));
    if (loss == HINGE) return larger_of(0.0, 1.0 - (double)(target * output));
    double error = (double)output - (double)target;
    if (loss == HUBER && size_of(error) > delta) return delta * (size_of(error) - 0.5 * delta);
    return error * error * (loss == HUBER ? 0.5 : 1.0);
}

/* The cross-entropy of a row, and through `right` whether the output of its class is the largest. */
FUNCTION double loss_of_classes(const float *outputs, int n_outputs, float target, int *right) {
    double of_class = -(double)INFINITE, others = -(double)INFINITE, total = 0.0;
    for (int k = 0; k < n_outputs; ++k) {
        if (k == (int)target) of_class = (double)outputs[k];
        else others = larger_of(others, (double)outputs[k]);
    }
    double largest = larger_of(of_class, others);
    for (int k = 0; k < n_outputs; ++k)
        total += exp_of_double(larger_of((double)outputs[k] - largest, -700.0));
    *right = of_class > others;
    return largest - of_class + log_of_double(total);
}

/* The loss of a row, a mean over its outputs, and through `right` whether all are right. `weight` is 1 where rows
   have none. */
FUNCTION double loss_of_row(int loss, const float *outputs, int n_outputs, const float *targets, float weight,
                            float threshold, double delta, int *right) {
    double total = 0.0;
    if (loss == CROSS_ENTROPY) {
        total = loss_of_classes(outputs, n_outputs, targets[0], right);
    } else {
        *right = 1;
        for (int k = 0; k < n_outputs; ++k) {
            *right = *right && (outputs[k] - threshold) * (targets[k] - threshold) > 0.0f;
            total += loss_of(loss, outputs[k], targets[k], delta);
        }
        total = total / n_outputs;
    }
    *right = *right || weight == 0.0f;
    total = total * (double)weight;
    for (int k = 0; k < n_outputs; ++k)
        total += outputs[k] == outputs[k] ? 0.0 : (double)FLOAT_OF(0x7FC00000);
    return total;
}

/* _updates.py: parameters of one weight, its gradient and its moments */

#define ADAM 0
#define DESCENT 1
#define NESTEROV 2
#define RMSPROP 3

#define QUANTUM 0x1p-64f
#define QUANTUM_OF_SQUARES 0x1p-100f

FUNCTION float reciprocal_of(float d) {
    float r = reciprocal_seed(d);
    for (int i = 0; i < 2; ++i) {
        float e = FMA(d * -1.0f, r, 1.0f);
        r = FMA(r, FMA(e, e, e), r);
    }
    return r;
}

/* The weight after an update. `step` is that of the schedule's table times the factor of the epoch; `decay1` and
   `decay2` are beta1 or the momentum, and beta2 or alpha; `rest` is 1 minus it, of double rounded once. */
FUNCTION float updated(int optimizer, float weight, float g, float *first, float *second, float step, float epsilon,
                       float decay1, float rest1, float decay2, float rest2) {
    if (optimizer == ADAM) {
        float m = FMA(*first, decay1, g * rest1);
        *first = m = (m + QUANTUM) - QUANTUM;
        float v = FMA(*second, decay2, (g * rest2) * g);
        *second = v;
        return FMA(m * step * -1.0f, reciprocal_of(SQRT(v) + epsilon), weight);
    }
    if (optimizer == RMSPROP) {
        float v = FMA(*second, decay2, (g * rest2) * g);
        *second = v = (v + QUANTUM_OF_SQUARES) - QUANTUM_OF_SQUARES;
        return FMA(g * step * -1.0f, reciprocal_of(SQRT(v) + epsilon), weight);
    }
    float m = FMA(*first, decay1, g);
    *first = m = (m + QUANTUM) - QUANTUM;
    if (optimizer == NESTEROV) return FMA(FMA(m, decay1, g) * -1.0f, step, weight);
    return FMA(m * -1.0f, step, weight);
}

/* Regularisation, in this order: `penalised`, `clipped`, `decayed` of the gradient, and `shrunk` of the weight. */
FUNCTION float penalised(float g, float weight, float strength) {
    float down = where_above(weight * -1.0f, 0.0f, strength * -1.0f, 0.0f);
    return g + where_above(weight, 0.0f, strength, down);
}

/* What a gradient is multiplied by. `squares` is the sum of sums of squares, each `FMA(g, g, part)` from 0 over 32
   numbers that follow one another. */
FUNCTION float share_of_clipped(float squares, float longest) {
    return minimum(1.0f, longest / (SQRT(squares) + F(1e-6)));
}

FUNCTION float decayed(float g, float weight, float decay) { return FMA(weight, decay, g); }
FUNCTION float shrunk(float weight, float factor, float shrink) { return FMA(weight, factor * (shrink * -1.0f), weight); }

/* _watch.py */

/* Counts epochs since the loss became lower by such a share; tells whether they are too many. */
FUNCTION int has_waited(double loss, double least, int patience, double *lowest, int *waited) {
    if (loss < *lowest * (1.0 - least)) {
        *lowest = loss;
        *waited = 0;
    } else {
        *waited += 1;
    }
    return *waited > patience;
}

/* The mean loss of an epoch, as it would be recorded. */
FUNCTION double recorded_loss(double total, int n_rows) { return (double)(float)(total / n_rows); }

/* orders.py */

/* The four words of a block of a network's stream (Philox4x32-10). */
FUNCTION void philox(ulong key, uint epoch, uint block, uint *words) {
    uint k0 = (uint)key, k1 = (uint)(key >> 32), c0 = block, c1 = epoch, c2 = 0u, c3 = 0u;
    for (int i = 0; i < 10; ++i) {
        uint high0 = HIGH_WORD(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        uint high1 = HIGH_WORD(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* With which place i of n rows is exchanged. Of n rows there are b = (n + 3) / 4 blocks, and the word of place i is
   word i / b of block i % b. */
FUNCTION uint exchanged(uint i, uint word, uint n_rows) { return i + HIGH_WORD(word, n_rows - i); }
