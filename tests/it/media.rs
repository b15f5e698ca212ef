//! Files of messages.
