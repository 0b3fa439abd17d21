using Stentor.Protocol;

namespace Stentor.Cli.Clients;

/// <summary>The regions that origins belong to.</summary>
internal static class RegionNames
{
    /// <summary>The region of an origin: what stands before the last dash, behind which its incarnation is.</summary>
    /// <param name="origin">The origin.</param>
    public static string Of(OriginId origin) => origin.Value.LastIndexOf('-') is var dash and > 0 ? origin.Value[..dash] : origin.Value;
}
