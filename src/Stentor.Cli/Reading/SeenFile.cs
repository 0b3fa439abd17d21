namespace Stentor.Cli.Reading;

/// <summary>A file in which a reader keeps its seen token, so that it goes on where it was, however it ended.</summary>
/// <param name="path">The file.</param>
internal sealed class SeenFile(string path)
{
    private string? _written;

    /// <summary>The token in the file; null when there is no file yet.</summary>
    public string? Read()
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var token = File.ReadAllText(path).Trim();
        return token.Length > 0 ? _written = token : null;
    }

    /// <summary>Keeps a token. Called after the entries up to it were written: a reader that dies in between is given a few of them again, and misses none.</summary>
    /// <param name="token">The token; null for nothing new.</param>
    public void Write(string? token)
    {
        if (token is null || token == _written)
        {
            return;
        }

        // Renamed into place: a reader that dies while it writes leaves the old token, not half of the new one.
        var draft = path + ".new";
        File.WriteAllText(draft, token + "\n");
        File.Move(draft, path, overwrite: true);
        _written = token;
    }
}
