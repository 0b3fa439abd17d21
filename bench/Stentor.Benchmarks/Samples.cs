using System.Text;

namespace Stentor.Benchmarks;

/// <summary>What the benchmarks work on: the sizes that the load tool publishes.</summary>
internal static class Samples
{
    /// <summary>An activity in ActivityStreams 2.0 words, compact.</summary>
    /// <param name="size">Its size in bytes; at least 200.</param>
    public static byte[] Activity(int size)
    {
        const string Front = """{"type":"Create","actor":"anna","published":"2026-02-14T10:00:00Z","object":{"type":"Note","tags":["curling","final"],"score":7,"content":""" + "\"";
        return Encoding.ASCII.GetBytes(Front + new string('x', size - Front.Length - 3) + "\"}}");
    }

    /// <summary>The body of a publish with such an activity.</summary>
    public static byte[] Body(int size) => [.. "{\"activity\":"u8, .. Activity(size), (byte)'}'];
}
