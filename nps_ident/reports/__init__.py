"""What people read: pictures, hit lists and the report of one record.  Loaded only when asked for."""
