package replay

import (
	"strconv"
	"strings"
	"time"
)

// instant reads a point in time as a person writes it, relative to now and in now's zone. A value that names a
// whole day or minute means its first nanosecond, or with end its last.
func instant(s string, now time.Time, end bool) (time.Time, bool) {
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch strings.ToLower(s) {
	case "now":
		return now, true
	case "today":
		return spanEnd(day, day.AddDate(0, 0, 1), end), true
	case "yesterday":
		return spanEnd(day.AddDate(0, 0, -1), day, end), true
	}
	if ago, ok := age(s); ok {
		return now.Add(-ago), true
	}
	if t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s)); err == nil {
		return t, true
	}
	s = strings.Replace(strings.ToUpper(s), "T", " ", 1)
	if t, err := time.ParseInLocation("2006-01-02", s, now.Location()); err == nil {
		return spanEnd(t, t.AddDate(0, 0, 1), end), true
	}
	if t, err := time.ParseInLocation("2006-01-02 15:04", s, now.Location()); err == nil {
		return spanEnd(t, t.Add(time.Minute), end), true
	}
	if t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", s, now.Location()); err == nil {
		return t, true
	}
	if t, err := time.ParseInLocation("15:04", s, now.Location()); err == nil {
		t = day.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
		return spanEnd(t, t.Add(time.Minute), end), true
	}
	return time.Time{}, false
}

func spanEnd(first, next time.Time, end bool) time.Time {
	if end {
		return next.Add(-time.Nanosecond)
	}
	return first
}

// age reads 10m, 2h, 1d, 3w and what time.ParseDuration reads. Ages are not negative and at most a century.
func age(s string) (time.Duration, bool) {
	const century = 100 * 365 * 24 * time.Hour
	d, err := time.ParseDuration(s)
	if err != nil && len(s) > 1 {
		unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
		n, nerr := strconv.ParseFloat(s[:len(s)-1], 64)
		if unit == 0 || nerr != nil || !(n >= 0 && n <= float64(century/unit)) {
			return 0, false
		}
		return time.Duration(n * float64(unit)), true
	}
	return d, err == nil && d >= 0 && d <= century
}
