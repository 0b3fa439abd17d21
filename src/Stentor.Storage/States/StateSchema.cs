namespace Stentor.Storage;

/// <summary>The tables of the state database, as numbered migrations: the file's <c>user_version</c> says how many were made. None is ever changed; new ones are added at the end.</summary>
internal static class StateSchema
{
    /// <summary>"STNT": marks the file as one of ours.</summary>
    public const int ApplicationId = 0x53544E54;

    /// <summary>The migrations, in order.</summary>
    public static IReadOnlyList<string> Migrations { get; } =
    [
        // 1: the first format.
        """
        CREATE TABLE meta (
            key   TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE channels (
            name    TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            time    INTEGER NOT NULL,
            state   BLOB NOT NULL
        ) WITHOUT ROWID;

        -- Rows in the order in which they came, and a narrow index beside them: ids are random, and whole rows in their order would
        -- touch a page each.
        CREATE TABLE publish_ids (
            hash    INTEGER NOT NULL,
            author  TEXT NOT NULL,
            id      TEXT NOT NULL,
            channel TEXT NOT NULL,
            origin  TEXT NOT NULL,
            seq     INTEGER NOT NULL,
            lamport INTEGER NOT NULL,
            time    INTEGER NOT NULL,
            content INTEGER NOT NULL
        );

        CREATE INDEX publish_ids_by_hash ON publish_ids (hash);
        """,
    ];
}
