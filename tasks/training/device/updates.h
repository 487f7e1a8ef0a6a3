/* _updates.py and _watch.py. */

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
        return FMA(m * step * -1.0f, reciprocal_of(ROOT_OF_MEAN(v) + epsilon), weight);
    }
    if (optimizer == RMSPROP) {
        float v = FMA(*second, decay2, (g * rest2) * g);
        *second = v = (v + QUANTUM_OF_SQUARES) - QUANTUM_OF_SQUARES;
        return FMA(g * step * -1.0f, reciprocal_of(ROOT_OF_MEAN(v) + epsilon), weight);
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
   stored numbers that follow one another. */
FUNCTION float share_of_clipped(float squares, float longest) {
    return SMALLER(1.0f, longest / (ROOT(squares) + F(1e-6)));
}

FUNCTION float decayed(float g, float weight, float decay) { return FMA(weight, decay, g); }
FUNCTION float shrunk(float weight, float factor, float shrink) { return FMA(weight, factor * (shrink * -1.0f), weight); }

FUNCTION void update_one(float g, float *w, float *m, float *v, float step, float epsilon) {
    *w = updated(OPTIMIZER, *w, g, m, v, step, epsilon, BETA1, BETA1_REST, BETA2, BETA2_REST);
}

/* Regularises all gradients, or weights; `factor` is that of the schedule in this epoch. */
FUNCTION void regularise(float *w, float *g, float factor) {
    if (L1 > 0.0f)
        for (int i = 0; i < N_PARAMETERS; ++i) g[i] = penalised(g[i], w[i], L1);
    if (CLIP_NORM > 0.0f) {
        float total = 0.0f, part = 0.0f;
        for (int i = 0; i < N_PARAMETERS; ++i) {
            if (i > 0 && STORED(i) / 32 > STORED(i - 1) / 32) {
                total = total + part;
                part = 0.0f;
            }
            part = FMA(g[i], g[i], part);
        }
        float share = share_of_clipped(total + part, CLIP_NORM);
        for (int i = 0; i < N_PARAMETERS; ++i) g[i] = g[i] * share;
    }
    if (DECAY > 0.0f)
        for (int i = 0; i < N_PARAMETERS; ++i) g[i] = decayed(g[i], w[i], DECAY);
    if (SHRINK > 0.0f)
        for (int i = 0; i < N_PARAMETERS; ++i) w[i] = shrunk(w[i], factor, SHRINK);
}

struct Watched {
    double total, lowest[2], reduced;
    int waited[2];
};

FUNCTION void forget(struct Watched *of) {
    of->total = 0.0;
    of->reduced = 1.0;
    for (int i = 0; i < 2; ++i) {
        of->lowest[i] = (double)INFINITE;
        of->waited[i] = 0;
    }
}

/* Counts epochs since the loss became lower by such a share; tells whether they are too many. */
FUNCTION int has_waited(struct Watched *of, int which, double loss, double least, int patience) {
    if (loss < of->lowest[which] * (1.0 - least)) {
        of->lowest[which] = loss;
        of->waited[which] = 0;
    } else {
        of->waited[which] += 1;
    }
    return of->waited[which] > patience;
}

/* Looks at the mean loss of an epoch, and tells whether the network ends there; its sum starts anew. */
FUNCTION int watch(struct Watched *of, int epoch) {
    double loss = (double)(float)(of->total / N_ROWS);
    int ends = loss <= TARGET_LOSS || loss > MOST_LOSS || (WATCH_ENDS && loss != loss);
    of->total = 0.0;
    if (PATIENCE >= 0) ends = has_waited(of, 0, loss, MIN_IMPROVEMENT, PATIENCE) || ends;
    if (REDUCE_PATIENCE >= 0 && epoch >= WARMUP)
        if (has_waited(of, 1, loss, REDUCE_THRESHOLD, REDUCE_PATIENCE)) {
            of->reduced = larger_of(of->reduced * REDUCE_BY, REDUCE_FLOOR);
            of->waited[1] = 0;
        }
    return ends;
}
