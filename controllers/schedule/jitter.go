package schedule

import (
	"crypto/sha256"
	"time"
)

// Offset is how much later than its nominal times an object starts: from 0 to
// jitter, both included, in whole seconds. It depends on the key alone
// (namespace/name), so an object keeps its place for ever and a restart moves
// nothing.
func Offset(key string, jitter time.Duration) time.Duration {
	seconds := int64(jitter / time.Second)
	if seconds <= 0 {
		return 0
	}
	return time.Duration(bucket(key, "jitter", seconds+1)) * time.Second
}

// bucket is a number from 0 to n-1 that is the same for the same key and
// purpose, on every machine and in every version: people see it as the minute
// at which their job runs. Purposes do not correlate, or all jobs that share a
// minute would share their second and hour too. n is at least 1.
func bucket(key, purpose string, n int64) int64 {
	sum := sha256.Sum256([]byte(key + "\x00" + purpose))
	r := int64(0)
	for _, b := range sum[:8] {
		r = (r<<8 | int64(b)) % n
	}
	return r
}
