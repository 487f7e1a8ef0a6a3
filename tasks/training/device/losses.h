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
        of_others = where_above(is_class, 0.0f, of_others, LARGER(outputs[k], of_others));
    }
    return one_unless_positive(of_class - of_others);
}

/* Rows of weight 0 count as right. */
FUNCTION float wrong_of_weight(float wrong, float weight) { return wrong * where_above(weight, 0.0f, 1.0f, 0.0f); }

/* What the slope of a loss is multiplied by, where it is a mean of so many. */
FUNCTION float share_of_loss(int loss, int count) {
    return loss == BCE || loss == HINGE ? F(-1.0 / count) : loss == MSE ? F(2.0 / count) : F(1.0 / count);
}

/* The derivative of a loss with one target for each output; `share` as share_of_loss gives it. */
FUNCTION float slope_of(int loss, float output, float target, float share, float delta) {
    if (loss == BCE) {
        float x = target * output;
        x = LARGER(SMALLER(x, F(FAR)), F(-FAR));
        return DIVIDE_NORMAL(target * share, exp_of(x) + 1.0f);
    }
    if (loss == HINGE) {
        float slope = where_above(1.0f - target * output, 0.0f, target * share, 0.0f);
        return FMA(output, 0.0f, slope);
    }
    if (loss == HUBER) return LARGER(delta * -1.0f, SMALLER(delta, output - target)) * share;
    return (output - target) * share;
}

/* Of cross-entropy: softmax minus 1 at the class. */
FUNCTION void slopes_of_classes(const float *outputs, int n_outputs, float target, float share, float *slopes) {
    float largest = outputs[0], total = 0.0f;
    for (int k = 1; k < n_outputs; ++k) largest = LARGER(outputs[k], largest);
    for (int k = 0; k < n_outputs; ++k) {
        slopes[k] = exp_of(LARGER(F(-FAR), outputs[k] - largest));
        total = total + slopes[k];
    }
    for (int k = 0; k < n_outputs; ++k) slopes[k] = (slopes[k] / total - is_number(target, k)) * share;
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
        total += outputs[k] == outputs[k] ? 0.0 : (double)AS_FLOAT(0x7FC00000);
    return total;
}


/* A row has N_TARGETS targets and, behind them, a weight where rows have one. */

FUNCTION float share_of(int count) {
    return share_of_loss(LOSS, LOSS == CROSS_ENTROPY ? count : count * N_OUTPUTS);
}

/* Counts a row unless it is right; outputs that are not finite leave a NaN. */
FUNCTION void see(const float *output, const float *target, float *wrong, float *finite) {
    float this_one = LOSS == CROSS_ENTROPY ? wrong_class(output, N_OUTPUTS, target[0]) : 0.0f;
    for (int k = 0; k < N_OUTPUTS; ++k) {
        if (LOSS != CROSS_ENTROPY) this_one = LARGER(this_one, wrong_side(output[k], target[k], THRESHOLD));
        *finite = still_finite(output[k], *finite);
    }
    if (WEIGHTED) this_one = wrong_of_weight(this_one, target[N_TARGETS]);
    *wrong = *wrong + this_one;
}

/* Gives the derivatives of the loss by the outputs of a row. */
FUNCTION void differentiate(const float *output, const float *target, float share, float *slope) {
    if (LOSS == CROSS_ENTROPY) slopes_of_classes(output, N_OUTPUTS, target[0], share, slope);
    for (int k = 0; k < N_OUTPUTS; ++k) {
        if (LOSS != CROSS_ENTROPY) slope[k] = slope_of(LOSS, output[k], target[k], share, F(HUBER_DELTA64));
        if (WEIGHTED) slope[k] = slope[k] * target[N_TARGETS];
    }
}

/* Adds a row, and its loss, to the right ones; sees whether its outputs are finite. */
FUNCTION void tally(const float *output, const float *target, int *right, double *total, int *finite) {
    int right_one;
    float weight = WEIGHTED ? target[N_TARGETS] : 1.0f;
    *total += loss_of_row(LOSS, output, N_OUTPUTS, target, weight, THRESHOLD, HUBER_DELTA64, &right_one);
    *right += right_one;
    for (int k = 0; k < N_OUTPUTS; ++k) *finite = *finite && output[k] - output[k] == 0.0f;
}
