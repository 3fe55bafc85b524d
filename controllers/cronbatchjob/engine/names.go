package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// tokenDigits of a token's hash in base 36 tell runs that were asked for apart.
const (
	tokenDigits = 9
	tokenSpace  = 101_559_956_668_416 // 36^9
)

// RunName is the name of the run at a nominal time: batch/v1's, minutes since
// 1970, where the time is a whole minute, else seconds. The two do not meet
// before the year 5000.
func RunName(cron string, nominal time.Time) string {
	unix := nominal.Unix()
	if unix%60 == 0 {
		unix /= 60
	}
	return cron + "-" + strconv.FormatInt(unix, 10)
}

// TokenName is the name of the run that a token asks for.
func TokenName(cron, token string) string {
	sum := sha256.Sum256([]byte(token))
	digits := strconv.FormatUint(binary.BigEndian.Uint64(sum[:8])%tokenSpace, 36)
	return cron + "-m" + strings.Repeat("0", tokenDigits-len(digits)) + digits
}

// entryName is the name of the run that a waiting start will make.
func (w *work) entryName(q v1alpha1.QueuedRun) string {
	if q.Reason == v1alpha1.StartRequested {
		return TokenName(w.cron.Name, q.Token)
	}
	return RunName(w.cron.Name, q.Time.Time)
}
