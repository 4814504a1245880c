package gate

// Holders is how many users' logins are listed.
func (m *Memory) Holders() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.logins)
}
