using Stentor.Cli.ActivityStreamer;
using Stentor.Protocol;

namespace Stentor.Cli.Demos.Network;

/// <summary>One of the documents with which the W3C tests implementations of ActivityStreams 2.0 (examples/data/activitystreams).</summary>
/// <param name="Name">Its file's name.</param>
/// <param name="Bytes">Its text.</param>
/// <param name="Fault">Which rule of JSON it breaks; null for none.</param>
internal sealed record Document(string Name, byte[] Bytes, string? Fault)
{
    private const string Folder = "activitystreams/";

    /// <summary>All of them, in the order of their names. The program carries them along.</summary>
    public static IReadOnlyList<Document> All()
    {
        var assembly = typeof(Document).Assembly;
        return
        [
            .. assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(name =>
            {
                using var stream = assembly.GetManifestResourceStream(name)!; // It has just been listed.
                using var bytes = new MemoryStream();
                stream.CopyTo(bytes);
                return Read(name[Folder.Length..], bytes.ToArray());
            }),
        ];
    }

    private static Document Read(string name, byte[] bytes)
    {
        try
        {
            ActivityInput.Read(bytes.AsMemory().Trim(" \t\r\n"u8), Limits.Default);
            return new Document(name, bytes, Fault: null);
        }
        catch (ProtocolException e)
        {
            return new Document(name, bytes, e.Message);
        }
    }
}
