using System.Text;

namespace Stentor.Cli.Clients;

/// <summary>Lines for standard output, gathered and written together: a line a system call would make a pipe slower than the node.</summary>
/// <param name="output">Where they go.</param>
internal sealed class OutputLines(Stream output)
{
    private const int BytesMax = 64 * 1024;

    private readonly MemoryStream _pending = new();

    /// <summary>Whether lines wait to be written.</summary>
    public bool IsPending => _pending.Length > 0;

    /// <summary>Adds a line; the line feed is put behind it.</summary>
    /// <param name="line">UTF-8 without a line feed.</param>
    /// <returns>Whether there were many, so that this one and all before it are written now.</returns>
    public bool Add(ReadOnlySpan<byte> line)
    {
        _pending.Write(line);
        _pending.WriteByte((byte)'\n');
        if (_pending.Length < BytesMax)
        {
            return false;
        }

        Flush();
        return true;
    }

    /// <inheritdoc cref="Add(ReadOnlySpan{byte})"/>
    public bool Add(string line) => Add(Encoding.UTF8.GetBytes(line));

    /// <summary>Writes what waits.</summary>
    /// <exception cref="IOException">Whoever read it has closed it.</exception>
    public void Flush()
    {
        output.Write(_pending.GetBuffer().AsSpan(0, (int)_pending.Length));
        output.Flush();
        _pending.SetLength(0);
    }
}
