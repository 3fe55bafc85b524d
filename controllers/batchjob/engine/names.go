package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// A pod's name is `<job>-`, for an Indexed job `<job>-<index>-`, and five
// characters, as an API server's generateName would give it, but the characters
// follow from the job's UID, the run and the pod's ordinal. An order that is
// carried out twice (a lost answer, a restart, a cache that lags) therefore
// meets AlreadyExists instead of making a second pod. Within a run, or an index
// of it, no two ordinals share a name: the suffix is a permutation of the
// ordinal, not a hash of it.
const (
	// suffixAlphabet is that of generateName: no vowels, nothing that reads
	// like something else.
	suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789"
	suffixLength   = 5
	// suffixCount is 27^5.
	suffixCount = 14348907
	// maxBase leaves room for the suffix in a 63 character name.
	maxBase = 63 - suffixLength
)

// namer gives out the names of one run's pods.
type namer struct {
	base           string
	factor, offset uint64
}

func newNamer(job string, uid types.UID, run int64) namer {
	return makeNamer(job, "-", binary.AppendVarint([]byte(uid), run))
}

// newIndexNamer gives out the names of one index's pods.
func newIndexNamer(job string, uid types.UID, run int64, index int) namer {
	return makeNamer(job, "-"+strconv.Itoa(index)+"-", binary.AppendVarint(binary.AppendVarint([]byte(uid), run), int64(index)))
}

// makeNamer shortens the job's part of the name where it has to.
func makeNamer(job, tail string, seed []byte) namer {
	sum := sha256.Sum256(seed)
	factor := binary.BigEndian.Uint64(sum[:8]) % suffixCount
	// The alphabet has 27 letters, so a factor that 3 does not divide makes
	// ordinal*factor+offset a permutation.
	if factor%3 == 0 {
		factor++
	}
	// A label of a name may not end in what the cut can leave at its end.
	job = strings.TrimRight(job[:min(len(job), maxBase-len(tail))], "-.")
	return namer{base: job + tail, factor: factor, offset: binary.BigEndian.Uint64(sum[8:16]) % suffixCount}
}

// name returns the name of the pod with the given ordinal.
func (n namer) name(ordinal int64) string {
	v := (uint64(ordinal)%suffixCount*n.factor + n.offset) % suffixCount //nolint:gosec // an ordinal is a count of pods, never negative
	var suffix [suffixLength]byte
	for i := range suffix {
		suffix[i] = suffixAlphabet[v%uint64(len(suffixAlphabet))]
		v /= uint64(len(suffixAlphabet))
	}
	return n.base + string(suffix[:])
}
