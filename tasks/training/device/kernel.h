/* Whole trainings, a network a thread: the program of one lane of the engine `lanes`, with sizes known when
   it is compiled. Loops over units and layers of small networks unroll, and their arrays become registers.

   Rows come one after another, each through forward, loss and backward: every sum over rows grows in the
   order of the rows, so that it has the bits of `lanes`, which takes some rows at a time. */

#define BATCHES ((N_ROWS + BATCH - 1) / BATCH)
#define REST (N_ROWS - (BATCHES - 1) * BATCH)  /* rows of the last batch */
/* Where success ends the training, an epoch begins with a look at all batches but the first, which is looked
   at while it is learned from. */
#define LOOKS (EARLY ? BATCHES - 1 : 0)
#define SEEN (EARLY || BATCHES == 1)

FUNCTION void activate(const float *w, float leak, int layer, float *sums, float *hidden) {
    UNROLL
    for (int unit = 0; unit < UNITS(layer); unit++) {
        float *z = sums + unit * GROUP;
        if (OF_RELU)
            hidden[unit] = LARGER_NUMBER(z[0], z[0] * leak);
        else if (CODE(layer) < VRELU)
            activate_one(CODE(layer), z[0], leak, hidden + unit, z);
        else
            activate_unit(CODE(layer), z, w, BIAS(layer, unit), SCALARS(layer, unit), hidden + unit);
    }
}

/* Put what skips layers where the next one takes it. */
FUNCTION void skip(const float *x, int layer, float *hidden, const float *below) {
    if (SKIP_INPUT)
        for (int i = 0; i < N_INPUTS; i++) hidden[WIDTH + i] = x[i];
    if (RESIDUAL && layer > 0)
        for (int unit = 0; unit < WIDTH; unit++) hidden[unit] = hidden[unit] + below[unit];
}

/* Give the weighted sums of some units, and their biases. */
FUNCTION void affine(int units, int fan_in, const float *w, const float *x, float *z) {
    UNROLL
    for (int u = 0; u < units; u++) {
        float sum = w[u * (fan_in + 1) + fan_in];
        UNROLL
        for (int i = 0; i < fan_in; i++) sum = FMA(x[i], w[u * (fan_in + 1) + i], sum);
        z[u] = sum;
    }
}

FUNCTION void forward(const float *w, float leak, const float *x, float *sums, float *hidden, float *output) {
    const float *below = x;
    UNROLL
    for (int layer = 0; layer < DEPTH; layer++) {
        float *z = sums + GROUP * BEFORE(layer), *h = hidden + HIDDEN(layer);
        affine(N_SUMS(layer), FAN_IN(layer), w + WEIGHTS(layer), below, z);
        activate(w, leak, layer, z, h);
        if (SKIP_INPUT || RESIDUAL) skip(x, layer, h, below);
        below = h;
    }
    affine(N_OUTPUTS, FAN_IN(DEPTH), w + WEIGHTS(DEPTH), below, output);
}

/* Add a row to the sums of a layer's gradient. */
FUNCTION void outer(int units, int fan_in, const float *error, const float *h, float *g) {
    UNROLL
    for (int u = 0; u < units; u++) {
        UNROLL
        for (int i = 0; i < fan_in; i++) g[u * (fan_in + 1) + i] = FMA(error[u], h[i], g[u * (fan_in + 1) + i]);
        g[u * (fan_in + 1) + fan_in] = g[u * (fan_in + 1) + fan_in] + error[u];
    }
}

/* Give the errors of the activations of `width` units below. */
FUNCTION void returned(int units, int width, int fan_in, const float *error, const float *w, float *below) {
    UNROLL
    for (int i = 0; i < width; i++) {
        float sum = 0;
        UNROLL
        for (int u = 0; u < units; u++) sum = FMA(error[u], w[u * (fan_in + 1) + i], sum);
        below[i] = sum;
    }
}

/* Turn errors of a layer's activations into those of its sums, and into the gradient of its scalars. */
FUNCTION void give_back(const float *w, float *g, float leak, int layer, const float *below, float *sums,
                        const float *hidden, float *sides, float *error, int first) {
    UNROLL
    for (int unit = 0; unit < UNITS(layer); unit++) {
        float *kept = sums + unit * GROUP;
        if (OF_RELU)
            error[unit] = hidden[unit] > 0 ? below[unit] : below[unit] * leak;
        else if (CODE(layer) < VRELU)
            error[unit] = below[unit] * kept[0];
        else {
            give_back_unit(CODE(layer), below[unit], kept, w, g, SCALARS(layer, unit),
                           sides + (BEFORE(layer) + unit) * SIDES, first);
            for (int k = 0; k < GROUP; k++) error[unit * GROUP + k] = kept[k];
        }
    }
}

/* Add a row of a batch to the gradient. */
FUNCTION void backward(const float *w, float *g, float leak, const float *x, float *sums, const float *hidden,
                       const float *slope, float *running, float *sides, int count, int first) {
    float error[GROUP * WIDTH > N_OUTPUTS ? GROUP * WIDTH : N_OUTPUTS], below[WIDTH], above[WIDTH];
    UNROLL
    for (int k = 0; k < N_OUTPUTS; k++) error[k] = slope[k];
    UNROLL
    for (int layer = DEPTH - 1; layer >= 0; layer--) {
        const float *h = hidden + HIDDEN(layer);
        const int next = layer + 1;
        returned(N_SUMS(next), UNITS(layer), FAN_IN(next), error, w + WEIGHTS(next), below);
        if (RESIDUAL && layer < DEPTH - 1)
            for (int i = 0; i < WIDTH; i++) below[i] = below[i] + above[i];
        if (PULL > 0) pull_row(below, h, running, layer, count);
        if (RESIDUAL)
            for (int i = 0; i < WIDTH; i++) above[i] = below[i];
        outer(N_SUMS(next), FAN_IN(next), error, h, g + WEIGHTS(next));
        give_back(w, g, leak, layer, below, sums + GROUP * BEFORE(layer), h, sides, error, first);
    }
    outer(N_SUMS(0), N_INPUTS, error, x, g);
}

#if TEAM == 1

/* Shared memory of a block, in floats: rows that all networks share, each thread's targets, and its moments. */
#define INPUTS_HERE (SHARED_INPUTS && N_ROWS * N_INPUTS <= 4096)
#define TARGETS_HERE (BATCHES == 1 && N_ROWS * NUMBERS <= 32)
#define MOMENTS_HERE (MOMENTS == 1)
#define PLACE_OF_TARGETS (INPUTS_HERE * N_ROWS * N_INPUTS)
#define PLACE_OF_MOMENTS (PLACE_OF_TARGETS + TARGETS_HERE * N_ROWS * NUMBERS * BLOCK)
#define SHARED_FLOATS (PLACE_OF_MOMENTS + MOMENTS_HERE * 2 * N_PARAMETERS * BLOCK)

/* Read a row of inputs, and its targets and weight. */
FUNCTION void read_row(CONST_GLOBAL float *inputs, CONST_GLOBAL float *targets, SHARED float *here, int row,
                       float *x, float *target) {
    UNROLL
    for (int i = 0; i < N_INPUTS; i++)
        x[i] = INPUTS_HERE ? here[row * N_INPUTS + i] : inputs[row * N_INPUTS + i];
    UNROLL
    for (int k = 0; k < NUMBERS; k++)
        target[k] = TARGETS_HERE ? here[PLACE_OF_TARGETS + (row * NUMBERS + k) * BLOCK + THREAD]
                                 : targets[row * NUMBERS + k];
}

/* Store parameters, with zeros for units of zeros. */
FUNCTION void keep(GLOBAL float *stored, const float *w) {
    if (N_STORED > N_PARAMETERS)
        for (int i = 0; i < N_STORED; i++) STORE_ONCE(stored + i, 0.0f);
    UNROLL
    for (int i = 0; i < N_PARAMETERS; i++) STORE_ONCE(stored + STORED(i), w[i]);
}

KERNEL train(CONST_GLOBAL float *inputs, CONST_GLOBAL float *targets, CONST_GLOBAL float *initial,
             CONST_GLOBAL word64 *keys, CONST_GLOBAL whole64 *points, int n_points, GLOBAL float *snapshots,
             CONST_GLOBAL float *schedule, int n_schedule, CONST_GLOBAL double *factors, int n_factors,
             float leak, int epochs, int n_networks, GLOBAL int *counter, GLOBAL ORDER *orders, GLOBAL float *moments,
             GLOBAL float *parameters, GLOBAL int *ended_epochs, GLOBAL unsigned char *watched) {
    SHARED_ARRAY(here, SHARED_FLOATS)
    float w[N_PARAMETERS], g[N_PARAMETERS];
    float running[1 + 4 * N_UNITS], sides[N_UNITS * SIDES];
#if MOMENTS == 0
    float own_first[N_PARAMETERS], own_second[N_PARAMETERS];
#define FIRST(i) own_first[i]
#define SECOND(i) own_second[i]
#elif MOMENTS == 1
#define FIRST(i) here[PLACE_OF_MOMENTS + (i) * BLOCK + THREAD]
#define SECOND(i) here[PLACE_OF_MOMENTS + (N_PARAMETERS + (i)) * BLOCK + THREAD]
#else
#define FIRST(i) moments[(whole64)(i) * N_THREADS + PLACE]
#define SECOND(i) moments[(whole64)(N_PARAMETERS + (i)) * N_THREADS + PLACE]
#endif
#if BATCHES > 1
    GLOBAL ORDER *order = orders + (whole64)PLACE * N_ROWS;
#endif
    CONST_GLOBAL float *own_inputs = inputs, *own_targets = targets;
    int network = 0, epoch = 0, point = 0, due = -1, stopped = 1, ended = 0;
    struct Watched watching;

    if (INPUTS_HERE) {
        for (int i = THREAD; i < N_ROWS * N_INPUTS; i += BLOCK) here[i] = inputs[i];
        BARRIER();
    }
    for (;;) {
        if (stopped) {
            network = NEXT(counter);
            if (network >= n_networks) break;
            if (!SHARED_INPUTS) own_inputs = inputs + (whole64)network * N_ROWS * N_INPUTS;
            own_targets = targets + (whole64)network * N_ROWS * NUMBERS;
            UNROLL
            for (int i = 0; i < N_PARAMETERS; i++) {
                w[i] = initial[(whole64)network * N_STORED + STORED(i)];
                FIRST(i) = 0;
                SECOND(i) = 0;
            }
            if (PULL > 0)
                for (int i = 0; i < 1 + 4 * N_UNITS; i++) running[i] = 0;
            if (TARGETS_HERE)
                for (int i = 0; i < N_ROWS * NUMBERS; i++)
                    here[PLACE_OF_TARGETS + i * BLOCK + THREAD] = own_targets[i];
#if BATCHES > 1
            for (int row = 0; row < N_ROWS; row++) order[row] = row;
#endif
            forget(&watching);
            epoch = point = stopped = ended = 0;
            due = n_points > 0 ? (int)points[0] : -1;
        }
#if BATCHES > 1
        shuffle(keys[network], epoch, order);
#endif
        float wrong = 0, finite = 0;
        float factor = SCHEDULED ? (float)(factors[epoch < n_factors ? epoch : n_factors - 1] * watching.reduced) : 1;
        LOOP
        for (int batch = -LOOKS; batch < BATCHES; batch++) {
            int begin = (batch < 0 ? batch + BATCHES : batch) * BATCH;
            int count = BATCHES == 1 || begin + BATCH <= N_ROWS ? BATCH : REST;
            float share = count == BATCH ? share_of(BATCH) : share_of(REST);
            UNROLL
            for (int i = 0; i < N_PARAMETERS; i++) g[i] = 0;
            ROWS_AT_ONCE
            for (int row = 0; row < count; row++) {
                float x[N_INPUTS], target[NUMBERS], sums[GROUP * N_UNITS], hidden[N_HIDDEN];
                float output[N_OUTPUTS], slope[N_OUTPUTS];
#if BATCHES > 1
                int at = order[begin + row];
#else
                int at = row;
#endif
                read_row(own_inputs, own_targets, here, at, x, target);
                forward(w, leak, x, sums, hidden, output);
                if (SEEN && batch <= 0) see(output, target, &wrong, &finite);
                if (LOOKS && batch < 0) continue;
                if (WATCHED) {
                    int right = 0, is_finite = 1;
                    tally(output, target, &right, &watching.total, &is_finite);
                }
                differentiate(output, target, share, slope);
                backward(w, g, leak, x, sums, hidden, slope, running, sides, count, row == 0);
            }
            if (LOOKS && batch < 0) continue;
            if (batch == 0) {
                if (epoch == due) {
                    keep(snapshots + ((whole64)network * n_points + point) * N_STORED, w);
                    point++;
                    due = point < n_points ? (int)points[point] : -1;
                }
                if (WATCHED && BATCHES == 1) ended = watch(&watching, epoch);
                stopped = epoch >= epochs || ended;
                if (SEEN) stopped = stopped || finite != finite;
                if (EARLY) stopped = stopped || WRONG + 0.5f - wrong > 0;
                if (stopped) {
                    STORE_ONCE(ended_epochs + network, epoch);
                    watched[network] = ended;
                    keep(parameters + (whole64)network * N_STORED, w);
                    break;
                }
            }
            if (ACTIVATION >= DECOMPOSED_RELU) settle_units(w, g, sides, count);
            if (PULL > 0) follow(running, count);
            if (ORTHOGONALITY > 0) add_orthogonality(w, g);
            if (REGULARISED) regularise(w, g, factor);
            whole64 following = (whole64)epoch * BATCHES + batch;
            if (following >= n_schedule) following = n_schedule - 1;
            float step = schedule[2 * following] * factor, epsilon = schedule[2 * following + 1];
            UNROLL
            for (int i = 0; i < N_PARAMETERS; i++) {
                float first = OPTIMIZER == RMSPROP ? 0 : FIRST(i);
                float second = OPTIMIZER == ADAM || OPTIMIZER == RMSPROP ? SECOND(i) : 0;
                update_one(g[i], w + i, &first, &second, step, epsilon);
                if (OPTIMIZER != RMSPROP) FIRST(i) = first;
                if (OPTIMIZER == ADAM || OPTIMIZER == RMSPROP) SECOND(i) = second;
            }
        }
        if (WATCHED && BATCHES > 1 && !stopped) ended = watch(&watching, epoch);
        epoch++;
    }
}

#endif

KERNEL look(CONST_GLOBAL float *inputs, int shared, CONST_GLOBAL float *targets, int n_rows,
            CONST_GLOBAL float *parameters, float leak, int n_networks, GLOBAL int *all_right,
            GLOBAL double *all_total, GLOBAL unsigned char *all_finite) {
    for (int network = PLACE; network < n_networks; network += N_THREADS) {
        CONST_GLOBAL float *own_inputs = inputs, *own_targets = targets + (whole64)network * n_rows * NUMBERS;
        float w[N_PARAMETERS];
        int right = 0, finite = 1;
        double total = 0;
        if (!shared) own_inputs = inputs + (whole64)network * n_rows * N_INPUTS;
        for (int i = 0; i < N_PARAMETERS; i++) w[i] = parameters[(whole64)network * N_STORED + STORED(i)];
        for (int row = 0; row < n_rows; row++) {
            float x[N_INPUTS], target[NUMBERS], sums[GROUP * N_UNITS], hidden[N_HIDDEN], output[N_OUTPUTS];
            for (int i = 0; i < N_INPUTS; i++) x[i] = own_inputs[(whole64)row * N_INPUTS + i];
            for (int k = 0; k < NUMBERS; k++) target[k] = own_targets[(whole64)row * NUMBERS + k];
            forward(w, leak, x, sums, hidden, output);
            tally(output, target, &right, &total, &finite);
        }
        all_right[network] = right;
        all_total[network] = total;
        all_finite[network] = finite;
    }
}
