using System.Text.RegularExpressions;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary>A document that nothing checks will lie.</summary>
public sealed partial class LinkTests
{
    public static TheoryData<string> Documents => [.. Repository.Documents];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_in_a_document_leads_somewhere(string document)
    {
        var text = CodeBlock().Replace(Repository.Read(document), "");

        foreach (Match match in Link().Matches(text))
        {
            var target = match.Groups["target"].Value;
            if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal))
            {
                continue;
            }

            var parts = target.Split('#');
            var path = parts[0].Length == 0 ? document : Path.Combine(Path.GetDirectoryName(document)!, Uri.UnescapeDataString(parts[0]));
            var full = Path.GetFullPath(path, Repository.Root);
            Assert.True(File.Exists(full) || Directory.Exists(full), $"{document} links to {target}, which is not there.");
            if (parts.Length > 1 && full.EndsWith(".md", StringComparison.Ordinal))
            {
                Assert.True(Anchors(File.ReadAllText(full)).Contains(parts[1]), $"{document} links to {target}, and there is no such heading.");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void No_document_names_a_path_of_somebodys_machine(string document)
    {
        Assert.DoesNotMatch("/(work|root|home|Users)/", Repository.Read(document));
    }

    /// <summary>Headings as they become anchors on the usual forges.</summary>
    private static HashSet<string> Anchors(string text) => Heading().Matches(CodeBlock().Replace(text, ""))
        .Select(match => NotInAnchor().Replace(match.Groups["title"].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))
        .ToHashSet(StringComparer.Ordinal);

    [GeneratedRegex(@"\[[^\]]*\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Link();

    [GeneratedRegex(@"^#{1,6} (?<title>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline, 1_000)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]", RegexOptions.None, 1_000)]
    private static partial Regex NotInAnchor();
}
