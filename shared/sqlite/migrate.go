package sqlite

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// schema holds the steps, NNN_what.sql, applied in the order of their names. A
// step that was released is never changed; the number of steps applied is the
// file's user_version.
//
//go:embed schema/*.sql
var schema embed.FS

// migrate applies the steps that the file has not seen, each in a transaction.
// Two processes that start together are serialized by the transaction.
func migrate(conn *Conn) error {
	steps, err := fs.Glob(schema, "schema/*.sql")
	if err != nil {
		return err
	}
	for {
		done, err := migrateStep(conn, steps)
		if err != nil || done {
			return err
		}
	}
}

func migrateStep(conn *Conn, steps []string) (bool, error) {
	if _, err := conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	done, err := applyNext(conn, steps)
	if err != nil || done {
		_, rollbackErr := conn.Exec("ROLLBACK")
		return done, errors.Join(err, rollbackErr)
	}
	_, err = conn.Exec("COMMIT")
	return false, err
}

func applyNext(conn *Conn, steps []string) (bool, error) {
	version, _, err := conn.Int("PRAGMA user_version")
	if err != nil {
		return false, err
	}
	if int(version) == len(steps) {
		return true, nil
	}
	if int(version) > len(steps) {
		return false, fmt.Errorf("schema version %d is newer than this program's %d", version, len(steps))
	}
	name := steps[version]
	step, err := schema.ReadFile(name)
	if err != nil {
		return false, err
	}
	if _, err := conn.Exec(string(step)); err != nil {
		return false, fmt.Errorf("schema step %s: %w", name, err)
	}
	if _, err := conn.Exec(fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
		return false, fmt.Errorf("schema step %s: %w", name, err)
	}
	return false, nil
}
