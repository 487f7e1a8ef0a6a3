/* _penalties.py: `running` holds a number that is 1 from the second update on, and four of each hidden unit: mean and
   variance, and of the rows of the batch so far the sums of h - mean and of its square. */

FUNCTION float pulled(float error, float h, float mean, float variance, float strength, float *total,
                      float *squares) {
    float away = h - mean, reach = ROOT(variance) * 2.0f;
    float past = away - where_above(away, 0.0f, reach, reach * -1.0f);
    *total = *total + away;
    *squares = FMA(away, away, *squares);
    return FMA(strength, past, error);
}

/* Brings running mean and variance up to a batch; `started` is 0 before the first update, 1 after it. */
FUNCTION void follow_unit(float total, float squares, float started, int batch, float *mean, float *variance) {
    float share = F(1.0 / batch), rate = FMA(started, F(-0.9), 1.0f);
    float shift = total * share, spread = LARGER(squares * share - shift * shift, 0.0f);
    *mean = FMA(rate, shift, *mean);
    *variance = FMA(rate, spread - *variance, *variance);
}

/* One over the length of a row of weights, of the sum of its squares; 0 of zeros. */
FUNCTION float inverse_length(float square) { return where_above(square, 0.0f, DIVIDE(1.0f, ROOT(square)), 0.0f); }

/* What a weight adds to its gradient for another row: `weight` and `other` times the inverse lengths of their rows,
   `slope` the cosine times 4 times the strength, times the inverse length of the row of `weight`. */
FUNCTION float orthogonal(float gradient, float weight, float other, float cosine, float slope) {
    return FMA(slope, other - cosine * weight, gradient);
}


/* Adds the pull to the errors of a layer's activations, of a row of so many. */
FUNCTION void pull_row(float *errors, const float *h, float *running, int layer, int count) {
    float strength = running[0] * F(PULL / count);
    for (int unit = 0; unit < UNITS(layer); ++unit) {
        float *of_unit = running + 1 + 4 * (BEFORE(layer) + unit);
        errors[unit] = pulled(errors[unit], h[unit], of_unit[0], of_unit[1], strength, of_unit + 2, of_unit + 3);
    }
}

/* Brings running means and variances up to a batch of so many rows. */
FUNCTION void follow(float *running, int count) {
    for (int place = 1; place < 1 + 4 * N_UNITS; place += 4) {
        float *of_unit = running + place;
        follow_unit(of_unit[2], of_unit[3], running[0], count, of_unit, of_unit + 1);
        of_unit[2] = of_unit[3] = 0.0f;
    }
    running[0] = 1.0f;
}

FUNCTION float inverse_length_of(const float *row, int fan_in) {
    float square = 0.0f;
    for (int k = 0; k < fan_in; ++k) square = FMA(row[k], row[k], square);
    return inverse_length(square);
}

/* Adds to the gradient of two rows of a layer's weights what they add to the penalty. */
FUNCTION void part_of_two(const float *w, float *g, int one, int other, float of_one, float of_other, int fan_in) {
    float cosine = 0.0f;
    for (int k = 0; k < fan_in; ++k) cosine = FMA(w[one + k], w[other + k], cosine);
    cosine = cosine * of_one * of_other;
    float slope = cosine * F(4 * ORTHOGONALITY);
    for (int k = 0; k < fan_in; ++k) {
        float a = w[one + k] * of_one, b = w[other + k] * of_other;
        g[one + k] = orthogonal(g[one + k], a, b, cosine, slope * of_one);
        g[other + k] = orthogonal(g[other + k], b, a, cosine, slope * of_other);
    }
}

FUNCTION void add_orthogonality(const float *w, float *g) {
    float inverse[GROUP * WIDTH];
    for (int layer = 0; layer < DEPTH; ++layer) {
        const int place = WEIGHTS(layer), fan_in = FAN_IN(layer);
        for (int i = 0; i < N_SUMS(layer); ++i) {
            inverse[i] = inverse_length_of(w + place + i * (fan_in + 1), fan_in);
            for (int j = 0; j < i; ++j)
                part_of_two(w, g, place + i * (fan_in + 1), place + j * (fan_in + 1), inverse[i], inverse[j], fan_in);
        }
    }
}
