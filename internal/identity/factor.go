package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/pquerna/otp/hotp"

	"github.com/gatefold/gatefold/internal/statefile"
)

// A second factor is a time-based code (RFC 6238) of six digits and half a minute, by HMAC-SHA-1: what every app knows.
const (
	factorSecret = 20 // bytes, RFC 4226, section 4
	factorPeriod = 30 // seconds
	factorSlack  = 1  // periods before and after now, for clocks that differ (RFC 6238, section 5.2)

	wrongCodes     = 5                // of a user in wrongCodesFor; then none is taken, not even a right one
	wrongCodesFor  = 10 * time.Minute //
	wrongCodeUsers = 4096             // kept count of

	usedFile    = "factors.json"
	maxUsedFile = 16 << 20 // 16 MiB
)

// ErrNoFactor says that the user has no second factor.
var ErrNoFactor = errors.New("no second factor is enrolled for this user")

// Box seals what must be kept and can't be hashed. The parts bind it to its place.
type Box interface {
	Seal(plain []byte, parts ...string) []byte
	Open(sealed []byte, parts ...string) ([]byte, error)
}

// Factors checks codes. A code is good once, after a restart too: the period of the last one that was taken is kept in the
// state folder. Safe for concurrent use.
type Factors struct {
	box  Box
	path string

	mu    sync.Mutex
	used  map[string]uint64 // user -> period of the last code that was taken
	wrong *simplelru.LRU[string, wrongs]
}

// wrongs counts the wrong codes of one user.
type wrongs struct {
	n     int
	since time.Time
}

type usedJSON struct {
	Version int               `json:"version"`
	Used    map[string]uint64 `json:"used"`
}

// OpenFactors makes what checks the codes of the users of a state folder, whose secrets box seals.
func OpenFactors(dir string, box Box) (*Factors, error) {
	f := &Factors{box: box, path: filepath.Join(dir, usedFile), used: map[string]uint64{}}
	f.wrong, _ = simplelru.NewLRU[string, wrongs](wrongCodeUsers, nil) // fails only for a size below one
	data, err := statefile.Read(f.path, maxUsedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open second factors: %w", err)
	}
	var file usedJSON
	if err := json.Unmarshal(data, &file); err != nil || file.Version != 1 {
		return nil, fmt.Errorf("open second factors: %s is damaged: move it away, and codes of the last minute could be used once more", f.path)
	}
	if file.Used != nil {
		f.used = file.Used
	}
	return f, nil
}

// Enrolled is what a user's app is told, once.
type Enrolled struct {
	Secret string // base32
	URL    string // otpauth://..., as a QR code has it
}

// Enrol gives a user a second factor, in the place of one that was there. issuer is the gateway's name.
func (f *Factors) Enrol(u *Users, name, issuer string) (Enrolled, error) {
	normal, err := NormalName(name)
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrol second factor: %w", err)
	}
	secret := make([]byte, factorSecret)
	defer clear(secret)
	rand.Read(secret)
	sealed := f.box.Seal(secret, factorParts(normal)...)
	if err := u.edit(normal, func(e *entry) { e.factor, e.Factor = sealed, true }); err != nil {
		return Enrolled{}, fmt.Errorf("enrol second factor: %w", err)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	label := url.PathEscape(issuer + ":" + normal)
	return Enrolled{text, "otpauth://totp/" + label + "?secret=" + text + "&issuer=" + url.QueryEscape(issuer)}, nil
}

// RemoveFactor takes a user's second factor away: the password is then enough.
func (u *Users) RemoveFactor(name string) error {
	err := u.editErr(name, func(e *entry) error {
		if e.factor == nil {
			return ErrNoFactor
		}
		e.factor, e.Factor = nil, false
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove second factor: %w", err)
	}
	return nil
}

// Check reports whether code is the user's second factor now, and takes it: it is good once. After some wrong ones none is
// taken for a while (RFC 4226, section 7.3). The error says why a right one could not be taken; it is then not good.
func (f *Factors) Check(s *Snapshot, name, code string, now time.Time) (bool, error) {
	if normal, err := NormalName(name); err == nil {
		name = normal
	}
	e, ok := s.users[name]
	if !ok || e.Disabled || e.factor == nil {
		return false, nil
	}
	secret, err := f.box.Open(e.factor, factorParts(name)...)
	if err != nil {
		return false, fmt.Errorf("open the second factor of %s: %w", name, err)
	}
	defer clear(secret)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.barred(name, now) {
		return false, fmt.Errorf("%d wrong codes of %s within %s: none is taken for a while", wrongCodes, name, wrongCodesFor)
	}
	period, fits := f.fitting(secret, name, code, now)
	if !fits {
		f.countWrong(name, now)
		return false, nil
	}
	f.wrong.Remove(name)
	err = f.take(name, period)
	return err == nil, err
}

func factorParts(name string) []string { return []string{"second factor", name} }

// fitting finds the period that code is of. One that was used, or is older than the last that was, fits no more. It looks at
// all, so that the time it takes tells nothing.
func (f *Factors) fitting(secret []byte, name, code string, now time.Time) (period uint64, fits bool) {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	at := uint64(max(now.Unix(), 0)) / factorPeriod
	for p := at - min(at, factorSlack); p <= at+factorSlack; p++ {
		want, err := hotp.GenerateCode(text, p)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && p > f.used[name] {
			period, fits = p, true
		}
	}
	return period, fits
}

// take notes that a code was used. If that can't be written down the code is not good.
func (f *Factors) take(name string, period uint64) error {
	before, had := f.used[name]
	f.used[name] = period
	err := f.write()
	if err != nil {
		if f.used[name] = before; !had {
			delete(f.used, name)
		}
		return fmt.Errorf("note that a code was used: %w", err)
	}
	return nil
}

func (f *Factors) write() error {
	data, err := json.Marshal(usedJSON{1, f.used})
	if err != nil {
		return err
	}
	unlock, err := statefile.Lock(f.path)
	if err != nil {
		return err
	}
	defer unlock()
	return statefile.Write(f.path, data)
}

func (f *Factors) barred(name string, now time.Time) bool {
	w, _ := f.wrong.Get(name)
	return w.n >= wrongCodes && now.Sub(w.since) < wrongCodesFor
}

func (f *Factors) countWrong(name string, now time.Time) {
	w, _ := f.wrong.Get(name)
	if now.Sub(w.since) >= wrongCodesFor {
		w = wrongs{since: now}
	}
	w.n++
	f.wrong.Add(name, w)
}

// Factor reports whether a user has to prove a second factor after the password.
func (s *Snapshot) Factor(name string) bool {
	if normal, err := NormalName(name); err == nil {
		name = normal
	}
	e, ok := s.users[name]
	return ok && !e.Disabled && e.factor != nil
}
