package conf

import "strings"

// near is the known word that somebody who wrote word most likely meant, or nothing.
func near(word string, known []string) string {
	best, least := "", maxTypos+1
	for _, k := range known {
		if typos := apart(word, k); typos < least {
			best, least = k, typos
		}
	}
	return best
}

const maxTypos = 2

// apart is 0 for words that differ only in case, hyphens and underscores, then the number of
// typing mistakes; a beginning of the other word counts as near, too.
func apart(a, b string) int {
	a, b = plain(a), plain(b)
	shorter := min(len(a), len(b))
	if a == b {
		return 0
	}
	if max(len(a), len(b))-shorter <= maxTypos {
		if d := distance(a, b); d <= maxTypos && d < shorter {
			return d
		}
	}
	if shorter >= 3 && a[:shorter] == b[:shorter] {
		return maxTypos
	}
	return maxTypos + 1
}

func plain(word string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(word))
}

// didYouMean ends a message.
func didYouMean(word string, known []string) string {
	if k := near(word, known); k != "" {
		return `, did you mean "` + k + `"?`
	}
	return ""
}

// distance counts insertions, deletions, substitutions and swaps of neighbours
// (Damerau-Levenshtein, optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
