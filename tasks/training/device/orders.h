/* orders.py */

/* The four words of a block of a network's stream (Philox4x32-10). */
FUNCTION void philox(word64 key, word epoch, word block, word *words) {
    word k0 = (word)key, k1 = (word)(key >> 32), c0 = block, c1 = epoch, c2 = 0u, c3 = 0u;
    for (int i = 0; i < 10; ++i) {
        word high0 = HIGH_WORD(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        word high1 = HIGH_WORD(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
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

/* Shuffles the order of the last epoch into that of the next, in place: word i / b of block i % b, of b = (n + 3) / 4
   blocks, chooses with which place i is exchanged. */
FUNCTION void shuffle(word64 key, int epoch, GLOBAL ORDER *order) {
    const word blocks = (N_ROWS + 3) / 4;
    word words[4];
    for (word part = 0; part < 4; ++part)
        for (word i = part * blocks; i < N_ROWS && i < (part + 1) * blocks; ++i) {
            philox(key, epoch, i - part * blocks, words);
            word j = i + HIGH_WORD(words[part], N_ROWS - i);
            ORDER kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
}
