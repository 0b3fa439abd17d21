using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stentor.Client;

/// <summary>JSON values as they come. Generated, so that the library needs no reflection; deep, because an activity may be 64 deep inside a state inside an answer.</summary>
[JsonSourceGenerationOptions(MaxDepth = 1024)]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class ClientJson : JsonSerializerContext
{
    /// <summary>The same depth for documents.</summary>
    public static JsonDocumentOptions Deep { get; } = new() { MaxDepth = 1024 };
}
