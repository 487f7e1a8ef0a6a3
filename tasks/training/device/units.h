/* _units.py and _decomposed.py; of ReLU without penalties or skips, whose passes are those of tiles.py, `leaky_of`
   and `gated_of`. */

FUNCTION float leaky_of(float z, float leak) { return LARGER(z, leak * z); }
FUNCTION float gated_of(float error, float h, float leak) { return h > 0.0f ? error : error * leak; }

/* Codes of activations, as in _units.py. */

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
    *of_left = FMA(error, SMALLER(0.0f, z), *of_left);
    *of_right = FMA(error, LARGER(0.0f, z), *of_right);
    return error * where_above(z, 0.0f, right, left);
}

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

/* _decomposed.py: `sides` of a unit are SIDES sums, those of rows to the left of the kink, to the right, and the last */

#define OF_SIDE 7
#define SIDES (2 * OF_SIDE + 1)
#define TWO_LN2 1.3862943611198906

FUNCTION float absolute(float x) { return LARGER(x, x * -1.0f); }

/* Of the scalar as it is stored; that of a decomposed ReLU is 1. */
FUNCTION float sharpness_of(float scalar) { return exp_of(clip_far(scalar)); }

FUNCTION float bend_of(int activation, float v, float *slope) {
    if (activation == DECOMPOSED_RELU) {
        *slope = sign_of(v);
        return absolute(v);
    }
    float rising, value = softplus_of(v, &rising);
    *slope = FMA(rising, 2.0f, -1.0f);
    return FMA(value, 2.0f, F(-TWO_LN2)) - v;
}

FUNCTION float decomposed_of(int activation, float z, float bias, float turn, float sharpness) {
    float slope, value = bend_of(activation, sharpness * z, &slope);
    return FMA(turn, value, z - bias);
}

FUNCTION void add_to_side(float *side, float of_side, float error, float v, float value, float slope) {
    float e = error * of_side, size = absolute(slope) * of_side;
    side[0] = side[0] + e;
    side[1] = FMA(e, slope, side[1]);
    side[2] = side[2] + size;
    side[3] = FMA(e, value, side[3]);
    side[4] = FMA(of_side, value, side[4]);
    side[5] = FMA(e, v * slope, side[5]);
    side[6] = FMA(absolute(v), size, side[6]);
}

/* The way back through a decomposed unit: the error of the sum; what the row says goes into `sides`. */
FUNCTION float decomposed_back(int activation, float error, float z, float turn, float sharpness, float *sides) {
    float v = sharpness * z, slope, value = bend_of(activation, v, &slope);
    add_to_side(sides + OF_SIDE, where_above(z, 0.0f, 1.0f, 0.0f), error, v, value, slope);
    add_to_side(sides, where_above(z * -1.0f, 0.0f, 1.0f, 0.0f), error, v, value, slope);
    sides[2 * OF_SIDE] = sides[2 * OF_SIDE] + absolute(z);
    return error * FMA(turn * sharpness, slope, 1.0f);
}

FUNCTION float quotient_of(float a, float b) { return where_above(b, 0.0f, a / b, 0.0f); }

/* What a parameter of a unit, i = 0 the bias, 1 the turn, 2 the sharpness, has influence by. */
FUNCTION float factor_of(int i, float turn, float sharpness) {
    return i == 0 ? turn * sharpness : i == 1 ? 1.0f : turn;
}

FUNCTION float settled_gradient(int i, const float *sides, float factor) {
    return factor * sides[1 + 2 * i] + factor * sides[OF_SIDE + 1 + 2 * i];
}

/* The step of a rule, which is added to the parameter, whose gradient is 0 then; `batch` counts rows. */
FUNCTION float settled_step(int i, const float *sides, float turn, float sharpness, double rate, int batch) {
    const float *left = sides, *right = sides + OF_SIDE;
    float steepness = turn * sharpness, factor = factor_of(i, turn, sharpness), size = absolute(factor);
    float on_left = factor * left[1 + 2 * i], on_right = factor * right[1 + 2 * i];
    float of_left = absolute(FMA(steepness, left[1], left[0]));
    float of_right = absolute(FMA(steepness, right[1], right[0]));
    float left_asks = quotient_of(on_left, size * left[2 + 2 * i]);
    float right_asks = quotient_of(on_right, size * right[2 + 2 * i]);
    float both = quotient_of(FMA(of_left, left_asks, of_right * right_asks), of_left + of_right);
    float step = both * F(-rate * batch);
    step = where_above(step * (on_left + on_right) * -1.0f, 0.0f, step, 0.0f);
    float most = i == 0 ? sides[2 * OF_SIDE] * F(1.0 / batch) : 1.0f;
    return SMALLER(most, LARGER(most * -1.0f, step));
}

/* Of an activation that is a function of one sum: its value, and what the way back multiplies errors by. */
FUNCTION void activate_one(int code, float z, float leak, float *h, float *kept) {
    *h = activation_of(code, z, leak, kept);
}

FUNCTION float sharpness_at(int code, const float *w, int scalars) {
    return code == DECOMPOSED_RELU ? 1.0f : sharpness_of(w[scalars + 1]);
}

/* Of any other: `z` are the sums of a unit, in whose place comes what the way back needs; its bias and its first
   scalar lie among the parameters `w`. */
FUNCTION void activate_unit(int code, float *z, const float *w, int bias, int scalars, float *h) {
    if (code == VRELU) *h = vrelu_of(z[0], w[scalars], w[scalars + 1]);
    else if (code == MAXIMUM) *h = compete(z, GROUP);
    else *h = decomposed_of(code, z[0], w[bias], w[scalars], sharpness_at(code, w, scalars));
}

/* Turns what activate_unit left into the errors of the sums; the first row of a batch begins the sums of others. */
FUNCTION void give_back_unit(int code, float error, float *kept, const float *w, float *g, int scalars, float *sides,
                             int first_row) {
    if (code == VRELU) {
        if (first_row) g[scalars] = g[scalars + 1] = 0.0f;
        kept[0] = vrelu_back(error, kept[0], w[scalars], w[scalars + 1], g + scalars, g + scalars + 1);
    } else if (code == MAXIMUM) {
        for (int k = 0; k < GROUP; ++k) kept[k] = error * kept[k];
    } else {
        if (first_row)
            for (int i = 0; i < SIDES; ++i) sides[i] = 0.0f;
        kept[0] = decomposed_back(code, error, kept[0], w[scalars], sharpness_at(code, w, scalars), sides);
    }
}

/* Gives the gradient of a parameter of a decomposed unit or, where it follows a rule, steps and leaves none. */
FUNCTION void settle_one(int i, int place, float *w, float *g, const float *sides, float turn, float sharpness,
                         int count) {
    if (KINK_RATE == 0.0 || (i == 2 && !SHARP_BY_RULE)) {
        g[place] = settled_gradient(i, sides, factor_of(i, turn, sharpness));
    } else {
        double rate = i == 0 ? KINK_RATE : SLOPE_RATE;
        w[place] = w[place] + settled_step(i, sides, turn, sharpness, rate, count);
        g[place] = 0.0f;
    }
}

/* After all rows of a batch, of which there are so many. */
FUNCTION void settle_units(float *w, float *g, const float *sides, int count) {
    for (int layer = 0; layer < DEPTH; ++layer)
        for (int unit = 0; unit < UNITS(layer); ++unit) {
            int scalars = SCALARS(layer, unit);
            float turn = w[scalars], sharpness = sharpness_at(ACTIVATION, w, scalars);
            for (int i = 0; i < 1 + N_SCALARS; ++i) {
                int place = i == 0 ? BIAS(layer, unit) : scalars + i - 1;
                settle_one(i, place, w, g, sides + (BEFORE(layer) + unit) * SIDES, turn, sharpness, count);
            }
        }
}
