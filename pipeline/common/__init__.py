"""What every floor uses: errors, words, redaction, and what a process has used."""
