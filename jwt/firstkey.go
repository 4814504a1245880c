package jwt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keysMark is the file in state_dir that lists, one a line, which folders have held keys. No key's name begins with a
// dot, so that it can stand beside them.
const keysMark = ".keys_dir"

// KeepIn tells where state_dir is, or "" where there is none.
func (c *Config) KeepIn(state string) { c.state = state }

// AwaitsFirst reports whether [Config.ReadKeys] found no key, and rotate_every has the first one made.
func (c Config) AwaitsFirst() bool { return c.KeysDir != "" && c.RotateEvery > 0 && c.ring == nil }

// FirstKey makes the first key, which signs at once, unless somebody else has by now, and reads what is there. It makes
// no folder but one in state_dir, and no key where there were some before: a disk that is not mounted looks so.
func (c *Config) FirstKey(now time.Time) (made Rotation, err error) {
	if _, _, err = c.readFolder(); err == nil && c.isInState() {
		err = os.MkdirAll(c.KeysDir, 0o700)
	}
	if err == nil {
		made, err = c.locked(now, func(now time.Time) (Rotation, error) {
			if r, _, err := c.readFolder(); err != nil || r != nil {
				return Rotation{}, err
			}
			return c.next("", now.UTC().Truncate(time.Second))
		})
	}
	if err == nil {
		c.ring, _, err = folderRing(c.KeysDir, c.keep())
	}
	if err != nil {
		return Rotation{}, fmt.Errorf("jwt: the first key: %w", err)
	}
	return made, nil
}

// readFolder reads the keys of keys_dir. That there is none is no error where [Config.FirstKey] may make one.
func (c Config) readFolder() (*Keyring, []string, error) {
	held, unknown := c.held() // before the folder is read: who notes it meanwhile has made a key there
	r, paths, err := folderRing(c.KeysDir, c.keep())
	empty := errors.Is(err, errNoKey)
	gone := len(paths) == 0 && errors.Is(err, fs.ErrNotExist)
	switch {
	case c.RotateEvery == 0 || !empty && !gone:
		return r, paths, err
	case unknown != nil:
		return nil, nil, fmt.Errorf("%s holds no key, and whether it did before is not known: %w", c.KeysDir, unknown)
	case held:
		return nil, nil, fmt.Errorf("%s is empty, and held keys before: is it mounted? gatehouse key rotate makes a first key all the same", c.KeysDir)
	case gone && !c.isInState():
		return nil, nil, err
	}
	return nil, nil, nil
}

// isInState reports whether keys_dir is in state_dir, and so gatehouse's own to make.
func (c Config) isInState() bool {
	if c.state == "" {
		return false
	}
	state, err := filepath.Abs(c.state)
	folder, err2 := filepath.Abs(c.KeysDir)
	if err != nil || err2 != nil {
		return false
	}
	path, err := filepath.Rel(state, folder)
	return err == nil && filepath.IsLocal(path)
}

// held reports whether state_dir tells of keys in keys_dir.
func (c Config) held() (bool, error) {
	if c.state == "" {
		return false, nil
	}
	text, err := os.ReadFile(filepath.Join(c.state, keysMark))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	line, err2 := c.markLine()
	return strings.Contains("\n"+string(text), "\n"+line), errors.Join(err, err2)
}

func (c Config) markLine() (string, error) {
	folder, err := filepath.Abs(c.KeysDir)
	return folder + "\n", err
}

// NoteKeys notes in state_dir that keys_dir holds keys, for a start at which it does not.
func (c Config) NoteKeys() error {
	if c.state == "" || c.RotateEvery == 0 || c.ring == nil {
		return nil
	}
	held, err := c.held()
	if err == nil && !held {
		err = c.note()
	}
	if err != nil {
		return fmt.Errorf("jwt: note that keys_dir holds keys: %w", err)
	}
	return nil
}

func (c Config) note() error {
	line, err := c.markLine()
	if err == nil {
		err = os.MkdirAll(c.state, 0o700)
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(c.state, keysMark), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, giveToOwner(f, c.state), f.Sync(), f.Close())
}
